// SPDX-License-Identifier: Apache-2.0
/**
 * Anonymous shared memory whose unpinned pages the Linux kernel may take back: memory outside the
 * Java heap that gives way, instead of its process, when a machine or a container runs short.
 *
 * <ul>
 *   <li>{@link org.ashmem.AshmemRegion} is where to begin: a region is created, mapped, unpinned
 *       and pinned again, and then tells whether anything was purged. {@linkplain
 *       org.ashmem.AshmemRegion#pin() PinResult.NOT_PURGED} means that every byte is intact.
 *   <li>{@link org.ashmem.Mapping} has its bytes, as buffers; from Java 22 on {@code Segments} has
 *       them as memory segments, too. {@link org.ashmem.SharedLongs} and {@link
 *       org.ashmem.SharedRecords} are views with the access modes of variables.
 *   <li>{@link org.ashmem.RegionChannel} gives regions to other processes.
 *   <li>{@link org.ashmem.Backend} says what regions are made of where there is no {@code
 *       /dev/ashmem}.
 *   <li>{@link org.ashmem.android} has Android's {@code SharedMemory} and {@code MemoryFile},
 *       {@link org.ashmem.micrometer} the numbers of {@link org.ashmem.Counters} for Micrometer.
 * </ul>
 *
 * <p>The package {@link org.ashmem} tells of properties, events and leaks. Native code is in the
 * jar, for Linux on x86_64 and, in releases, arm64.
 */
@SuppressWarnings("requires-automatic") // Micrometer has no descriptor of a module
module org.ashmem {
  requires static jdk.jfr;
  requires static micrometer.core;
  requires static org.jspecify;
  requires static org.newsclub.net.unix;

  exports org.ashmem;
  exports org.ashmem.android;
  exports org.ashmem.micrometer;
}
