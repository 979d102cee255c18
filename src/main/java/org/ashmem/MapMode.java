// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

/** How a part of a region is mapped. */
public enum MapMode {
  /** The region's bytes for reading. The buffer is read-only. Needs {@link Protection#READ}. */
  READ_ONLY(Shim.READ, true),
  /**
   * The region's bytes for reading and writing. A write is visible to every other mapping of the
   * region. Needs {@link Protection#READ} and {@link Protection#WRITE}.
   */
  READ_WRITE(Shim.READ | Shim.WRITE, true),
  /**
   * Memory of this mapping alone, filled with zeros. The mapping neither reads nor writes the
   * region's bytes, and pinning does not apply to it. Needs {@link Protection#READ} and {@link
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
