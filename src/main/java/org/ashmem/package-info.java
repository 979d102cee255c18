// SPDX-License-Identifier: Apache-2.0
/**
 * Anonymous shared memory whose unpinned pages the Linux kernel may take back.
 *
 * <p>An {@link org.ashmem.AshmemRegion} is memory outside the Java heap that the kernel's ashmem
 * driver ({@code /dev/ashmem}) holds. It is read and written through a {@link org.ashmem.Mapping}.
 * Pages that could be made again are {@linkplain org.ashmem.AshmemRegion#unpin(long, long)
 * unpinned}: under memory pressure, the machine's or the cgroup's, the kernel purges them instead
 * of killing a process. {@linkplain org.ashmem.AshmemRegion#pin(long, long) Pinning} takes them
 * back and tells whether any was purged.
 *
 * <pre>{@code
 * try (AshmemRegion region = AshmemRegion.create("thumbnails", 64L << 20);
 *     Mapping mapping = region.map()) {
 *   ByteBuffer bytes = mapping.buffer();
 *   // ... fill it ...
 *   region.unpin(); // from now on the kernel may take it
 *   try (Pin pin = region.pinned()) { // not while this scope lasts
 *     if (pin.wasPurged()) {
 *       // ... fill it again ...
 *     }
 *     // ... use it ...
 *   }
 * }
 * }</pre>
 *
 * <p>A region goes to another process by a {@link org.ashmem.RegionChannel}, which needs
 * junixsocket; nothing else does.
 *
 * <p>For longs and records that threads and processes share there are views of a mapping: {@link
 * org.ashmem.SharedLongs}, and {@link org.ashmem.SharedRecords} of a {@link
 * org.ashmem.RecordLayout}, which is what a C compiler makes of the same fields.
 *
 * <p>Offsets, lengths and sizes are in bytes. Ranges to pin begin and end at multiples of {@link
 * org.ashmem.AshmemRegion#pageSize()}, or end where the region ends.
 *
 * <p>Without the driver regions are on memfd, and this library keeps the pins: see {@link
 * org.ashmem.Backend}. {@code org.ashmem.backend} ({@code auto}, {@code device} or {@code memfd})
 * chooses, and {@code org.ashmem.purgeOnPressure=true} has unpinned memory on memfd purged, the
 * longest unpinned half of it at a time, when the kernel reports that tasks of the process's
 * cgroup, or of the machine, wait for memory.
 *
 * <p>What is not closed is freed by itself once it is unreachable, whenever the collector finds
 * that out, and is reported as a leak: as a warning of the {@link java.lang.System.Logger} named
 * {@code org.ashmem}, with the region's name and size. The system property {@code org.ashmem.leaks}
 * says how much is reported:
 *
 * <table>
 *   <caption>Values of org.ashmem.leaks</caption>
 *   <tr><th>value</th><th>what is reported</th><th>what it costs</th></tr>
 *   <tr><td>{@code off}</td><td>nothing</td><td>nothing</td></tr>
 *   <tr><td>{@code simple}, the default</td><td>once for each name of a region, and once for its
 *     mappings</td><td>nothing until something leaks</td></tr>
 *   <tr><td>{@code paranoid}</td><td>once for each place, with the stack trace of where it was
 *     created</td><td>a stack trace for each region and mapping that is created</td></tr>
 * </table>
 *
 * <p>Any other value is warned of and taken for the default. After 1000 reports there is none any
 * more; {@link org.ashmem.Counters#leaks()} goes on, with {@code off} too.
 *
 * <p>The JDK's Flight Recorder gets events, in the category {@code ashmem}, with the region's name,
 * offset and length. Where the runtime lacks the module {@code jdk.jfr} there are none.
 *
 * <table>
 *   <caption>Events</caption>
 *   <tr><th>event</th><th>when</th></tr>
 *   <tr><td>{@code org.ashmem.Map}</td><td>a part of a region was mapped</td></tr>
 *   <tr><td>{@code org.ashmem.Pin}, {@code org.ashmem.Unpin}</td><td>a range was pinned or unpinned,
 *     which took 1 ms or more; {@code -XX:StartFlightRecording:+org.ashmem.Pin#threshold=0ns} has
 *     all</td></tr>
 *   <tr><td>{@code org.ashmem.PurgeFound}</td><td>pinning found a purged page</td></tr>
 *   <tr><td>{@code org.ashmem.Close}</td><td>a region or a mapping was closed</td></tr>
 *   <tr><td>{@code org.ashmem.Leak}</td><td>a region or a mapping was not closed</td></tr>
 * </table>
 *
 * <p>{@link org.ashmem.Counters} has numbers of the same, and {@link
 * org.ashmem.micrometer.AshmemMetrics} gives them to Micrometer.
 *
 * <p>Other system properties: {@code org.ashmem.library} names the file of the native library to
 * load, in place of the one in the jar; {@code org.ashmem.tmpdir} names the directory that the one
 * in the jar is unpacked to, in place of {@code java.io.tmpdir}. From Java 24 on, {@code
 * --enable-native-access=org.ashmem} ({@code ALL-UNNAMED} on the class path) spares a warning.
 */
@NullMarked
package org.ashmem;

import org.jspecify.annotations.NullMarked;
