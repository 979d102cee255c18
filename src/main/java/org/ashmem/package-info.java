// SPDX-License-Identifier: Apache-2.0
/**
 * Anonymous shared memory whose unpinned pages the Linux kernel may purge.
 *
 * <p>An {@link org.ashmem.AshmemRegion} is memory outside the Java heap that the kernel's ashmem
 * driver ({@code /dev/ashmem}) manages. A program reads and writes it through a {@link
 * org.ashmem.Mapping}. A program {@linkplain org.ashmem.AshmemRegion#unpin(long, long) unpins}
 * pages whose content it can create again. When memory is short, unpinned pages are purged, so that
 * no process is killed. {@linkplain org.ashmem.AshmemRegion#pin(long, long) Pinning} protects the
 * pages again and returns whether any page was purged. {@link org.ashmem.AshmemRegion#onPurge}
 * tells of a purge before that.
 *
 * <pre>{@code
 * try (AshmemRegion region = AshmemRegion.create("thumbnails", 64L << 20);
 *     Mapping mapping = region.map()) {
 *   ByteBuffer bytes = mapping.buffer();
 *   // ... fill it ...
 *   region.unpin(); // from now on the kernel may purge the region
 *   try (Pin pin = region.pinned()) { // no purge in this scope
 *     if (pin.wasPurged()) {
 *       // ... fill it again ...
 *     }
 *     // ... use it ...
 *   }
 * }
 * }</pre>
 *
 * <p>What gives way depends on the {@linkplain org.ashmem.Backend backend}:
 *
 * <table>
 *   <caption>What gives way when memory is short</caption>
 *   <tr><th></th><th>{@code DEVICE}</th><th>{@code MEMFD}, without {@code /dev/ashmem}</th></tr>
 *   <tr><td>which pages</td><td>the unpinned pages of all processes</td><td>the unpinned pages of
 *     the regions that this process created and did not pass on</td></tr>
 *   <tr><td>who purges</td><td>the kernel</td><td>a thread of this library, and threads that create
 *     regions or unpin memory</td></tr>
 *   <tr><td>when</td><td>the machine or a cgroup has no memory left</td><td>little is left below a
 *     limit of the process's cgroups (version 1 or 2) or in the machine, or the kernel reports
 *     memory pressure</td></tr>
 *   <tr><td>how much</td><td>what is needed, least recently unpinned first</td><td>what is missing
 *     and some room, least recently unpinned first</td></tr>
 *   <tr><td>how fast a program may take memory</td><td>at any rate</td><td>200 MiB per second, of
 *     any kind of memory; a process that takes more may be killed</td></tr>
 *   <tr><td>how to turn it off</td><td>the module's parameter {@code purge}</td><td>the system
 *     property {@code org.ashmem.purgeOnPressure} with the value {@code false}; then a warning says
 *     once that nothing gives way</td></tr>
 * </table>
 *
 * <p>{@link org.ashmem.LazyMemory} is private memory of one process, without pins: the kernel takes
 * its unpinned pages on any Linux from 4.12 on, without the device.
 *
 * <p>{@link org.ashmem.AshmemRegion#channel()} reads and writes a region as a channel, and {@link
 * org.ashmem.AshmemRegion#inputStream()} and {@link org.ashmem.AshmemRegion#outputStream()} as
 * streams.
 *
 * <p>{@link org.ashmem.AshmemRegion#pinAll} and {@link org.ashmem.AshmemRegion#unpinAll} take many
 * ranges in one call. {@link org.ashmem.RegionUsage} tells how many bytes of a region are pinned,
 * unpinned, purged and in memory.
 *
 * <p>A {@link org.ashmem.RegionChannel} sends a region to another process. Only this class needs
 * junixsocket.
 *
 * <p>Threads and processes can share data through two views of a mapping: {@link
 * org.ashmem.SharedLongs} for longs, and {@link org.ashmem.SharedRecords} for records of a {@link
 * org.ashmem.RecordLayout}. The layout is the same that a C compiler uses for these fields.
 *
 * <p>Offsets, lengths and sizes are in bytes. Ranges to pin begin and end at multiples of {@link
 * org.ashmem.AshmemRegion#pageSize()}, or end where the region ends.
 *
 * <p>Without the driver, regions are on memfd, and this library keeps the pins: see {@link
 * org.ashmem.Backend}. The system property {@code org.ashmem.backend} ({@code auto}, {@code device}
 * or {@code memfd}) selects the backend.
 *
 * <p>A region, a mapping or lazy memory that was not closed is freed when the garbage collector
 * finds that it is unreachable. This is reported as a leak: the {@link java.lang.System.Logger}
 * named {@code org.ashmem} gets a warning with the region's name and size. The system property
 * {@code org.ashmem.leaks} sets the level of the reports:
 *
 * <table>
 *   <caption>Values of org.ashmem.leaks</caption>
 *   <tr><th>value</th><th>reports</th><th>cost</th></tr>
 *   <tr><td>{@code off}</td><td>none</td><td>none</td></tr>
 *   <tr><td>{@code simple}, the default</td><td>one for each region name, and one for the mappings
 *     of regions with this name</td><td>none until something leaks</td></tr>
 *   <tr><td>{@code paranoid}</td><td>one for each place of creation, with its stack
 *     trace</td><td>a stack trace for each region and mapping that is created</td></tr>
 * </table>
 *
 * <p>Any other value causes a warning and selects the default. Reports stop after 1000, but {@link
 * org.ashmem.Counters#leaks()} continues to count. It also counts with {@code off}.
 *
 * <p>The JDK's Flight Recorder gets events in the category {@code ashmem}, with the region's name,
 * offset and length. There are no events if the runtime lacks the module {@code jdk.jfr}.
 *
 * <table>
 *   <caption>Events</caption>
 *   <tr><th>event</th><th>when</th></tr>
 *   <tr><td>{@code org.ashmem.Map}</td><td>a part of a region was mapped</td></tr>
 *   <tr><td>{@code org.ashmem.Pin}, {@code org.ashmem.Unpin}</td><td>pinning or unpinning a range
 *     took 1 ms or more; {@code -XX:StartFlightRecording:+org.ashmem.Pin#threshold=0ns} records
 *     every call. A call with many ranges is one event, with the smallest range that contains
 *     them</td></tr>
 *   <tr><td>{@code org.ashmem.PurgeFound}</td><td>pinning found a purged page</td></tr>
 *   <tr><td>{@code org.ashmem.Close}</td><td>a region, a mapping or lazy memory was closed</td></tr>
 *   <tr><td>{@code org.ashmem.Leak}</td><td>a region, a mapping or lazy memory was not closed</td></tr>
 * </table>
 *
 * <p>{@link org.ashmem.Counters} counts the same facts, and {@link
 * org.ashmem.micrometer.AshmemMetrics} publishes the counters to Micrometer.
 *
 * <p>Two more system properties concern the native library. {@code org.ashmem.library} names the
 * file to load instead of the library in the jar. {@code org.ashmem.tmpdir} names the directory to
 * unpack the library in the jar to, instead of {@code java.io.tmpdir}. From Java 24 on, {@code
 * --enable-native-access=org.ashmem} ({@code ALL-UNNAMED} on the class path) avoids a warning.
 *
 * <p>{@code java -jar ashmem-VERSION.jar} prints what the machine and the container offer, and what
 * to do about what is missing.
 *
 * <p>The library also works in several class loaders, and under another package name, as Maven's
 * shade plugin gives it. The plugin then renames the system properties, too.
 */
@NullMarked
package org.ashmem;

import org.jspecify.annotations.NullMarked;
