// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

/** How a part of a region is mapped. */
public enum MapMode {
  /** The region's bytes, to read only: the buffer is read-only. Needs {@link Protection#READ}. */
  READ_ONLY(Shim.READ, true),
  /**
   * The region's bytes; what is written is seen by every other mapping of the region. Needs {@link
   * Protection#READ} and {@link Protection#WRITE}.
   */
  READ_WRITE(Shim.READ | Shim.WRITE, true),
  /**
   * Memory of this mapping alone, filled with zeros: the region's bytes are neither read nor
   * written, and pinning does not apply. Needs {@link Protection#READ} and {@link
   * Protection#WRITE}.
   */
  PRIVATE(Shim.READ | Shim.WRITE, false);

  final int protection;
  final boolean shared;

  MapMode(int protection, boolean shared) {
    this.protection = protection;
    this.shared = shared;
  }

  boolean isReadOnly() {
    return (protection & Shim.WRITE) == 0;
  }
}
