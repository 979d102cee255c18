// SPDX-License-Identifier: Apache-2.0
/**
 * Anonymous shared memory whose unpinned pages the Linux kernel may purge. The memory is outside
 * the Java heap. When a machine or a container runs short of memory, the kernel purges these pages
 * instead of killing the process.
 *
 * <ul>
 *   <li>{@link org.ashmem.AshmemRegion} is the entry point. A program creates a region, maps it,
 *       unpins it and pins it again; pinning reports whether any page was purged. {@linkplain
 *       org.ashmem.AshmemRegion#pin() PinResult.NOT_PURGED} means that every byte is intact.
 *   <li>{@link org.ashmem.Mapping} provides a region's bytes as buffers. From Java 22 on {@code
 *       Segments} provides them as memory segments. {@link org.ashmem.SharedLongs} and {@link
 *       org.ashmem.SharedRecords} are views with the access modes of variables.
 *   <li>{@link org.ashmem.RegionChannel} sends regions to other processes.
 *   <li>{@link org.ashmem.Backend} selects the kernel's driver or memfd, for machines without
 *       {@code /dev/ashmem}.
 *   <li>{@link org.ashmem.LazyMemory} is private memory that the kernel takes back, without the
 *       device.
 *   <li>{@link org.ashmem.Ashmem} tells whether the library works on this machine, and why not.
 *   <li>{@link org.ashmem.android} has Android's {@code SharedMemory} and {@code MemoryFile}.
 *   <li>{@link org.ashmem.micrometer} publishes {@link org.ashmem.Counters} to Micrometer.
 * </ul>
 *
 * <p>The package {@link org.ashmem} describes system properties, events and leaks. The jar contains
 * the native code for Linux on x86_64 and, in releases, on arm64.
 */
@SuppressWarnings("requires-automatic") // Micrometer has no module descriptor
module org.ashmem {
  requires static jdk.jfr;
  requires static micrometer.core;
  requires org.apache.commons.lang3;
  requires static org.jspecify;
  requires static org.newsclub.net.unix;

  exports org.ashmem;
  exports org.ashmem.android;
  exports org.ashmem.micrometer;
}
