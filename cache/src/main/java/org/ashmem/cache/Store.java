// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache;

/** The memory that a cache keeps its values in. */
public enum Store {
  /**
   * {@link #DEVICE} if there is an ashmem device, otherwise {@link #LAZY}, otherwise {@link
   * #MEMFD}.
   */
  AUTO,
  /**
   * Regions on {@code /dev/ashmem}. The kernel module purges the least recently unpinned first; a
   * read of a value renews its place.
   */
  DEVICE,
  /**
   * Private memory that is freed lazily ({@link org.ashmem.LazyMemory}). Any Linux since 4.12 takes
   * it back, also at the limit of a container.
   */
  LAZY,
  /**
   * Regions on memfd, for processes that lock all their memory. The library purges them when it
   * sees that memory is short; the kernel cannot.
   */
  MEMFD
}
