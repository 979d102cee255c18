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
 * <p>Offsets, lengths and sizes are in bytes. Ranges to pin begin and end at multiples of {@link
 * org.ashmem.AshmemRegion#pageSize()}, or end where the region ends.
 *
 * <p>Without the driver regions are on memfd, and this library keeps the pins: see {@link
 * org.ashmem.Backend}. {@code org.ashmem.backend} ({@code auto}, {@code device} or {@code memfd})
 * chooses, and {@code org.ashmem.purgeOnPressure=true} has unpinned memory on memfd purged, the
 * longest unpinned half of it at a time, when the kernel reports that tasks of the process's
 * cgroup, or of the machine, wait for memory.
 *
 * <p>Other system properties: {@code org.ashmem.library} names the file of the native library to
 * load, in place of the one in the jar; {@code org.ashmem.tmpdir} names the directory that the one
 * in the jar is unpacked to, in place of {@code java.io.tmpdir}. From Java 24 on, {@code
 * --enable-native-access=org.ashmem} ({@code ALL-UNNAMED} on the class path) spares a warning.
 */
@NullMarked
package org.ashmem;

import org.jspecify.annotations.NullMarked;
