// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.util.EnumSet;
import java.util.Objects;
import java.util.Set;
import org.apache.commons.lang3.Validate;
import org.jspecify.annotations.Nullable;

/**
 * The options of a new {@link AshmemRegion}: see {@link AshmemRegion#builder}.
 *
 * <p>Not thread-safe.
 */
public final class RegionBuilder {
  private byte @Nullable [] encodedName;
  private long size;
  private @Nullable Set<Protection> protection;
  private @Nullable Backend backend;

  RegionBuilder() {}

  /**
   * Sets the region's name. The name is for debugging and need not be unique.
   *
   * @param name the name that {@code /proc/PID/maps} shows: 1 to 255 bytes of UTF-8, without NUL
   * @return this builder
   * @throws IllegalArgumentException if the name is not as above
   */
  public RegionBuilder name(String name) {
    byte[] bytes = name.getBytes(UTF_8);
    Validate.isTrue(
        bytes.length > 0 && bytes.length <= AshmemRegion.MAX_NAME && name.indexOf('\0') < 0,
        "a region's name has 1 to 255 bytes of UTF-8 and no NUL; this has %s",
        bytes.length);
    this.encodedName = bytes;
    return this;
  }

  /**
   * Sets the region's size, which is required.
   *
   * @param size the size in bytes, greater than 0
   * @return this builder
   * @throws IllegalArgumentException if the size is not greater than 0
   */
  public RegionBuilder size(long size) {
    Validate.isTrue(size > 0, "a region's size is greater than 0, not %s", size);
    this.size = size;
    return this;
  }

  /**
   * Sets what mappings may do. By default they may read, write and execute.
   *
   * @param protection the rights to allow
   * @return this builder
   */
  public RegionBuilder protection(Set<Protection> protection) {
    this.protection =
        protection.isEmpty() ? EnumSet.noneOf(Protection.class) : EnumSet.copyOf(protection);
    return this;
  }

  /**
   * Sets the backend that provides the memory. The default is {@link Backend#configured}.
   *
   * @param backend the backend
   * @return this builder
   */
  public RegionBuilder backend(Backend backend) {
    this.backend = Objects.requireNonNull(backend, "backend");
    return this;
  }

  /**
   * Creates the region.
   *
   * @return a new region that is filled with zeros and pinned
   * @throws IllegalStateException if no size was set
   * @throws AshmemException.DeviceMissing if the backend is {@link Backend#DEVICE} and there is no
   *     device
   * @throws AshmemException.PermissionDenied if this user may not open the device
   * @throws AshmemException if the kernel refuses
   */
  public AshmemRegion create() {
    Validate.validState(size != 0, "a region needs a size");
    return Creation.of(
        backend != null ? backend : Backend.configured(), encodedName, size, protection);
  }
}
