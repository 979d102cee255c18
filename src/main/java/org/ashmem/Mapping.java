// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import java.lang.ref.Cleaner;
import java.lang.ref.Reference;
import java.lang.ref.WeakReference;
import java.nio.ByteBuffer;
import java.util.Objects;
import java.util.function.LongSupplier;
import org.apache.commons.lang3.Validate;
import org.jspecify.annotations.Nullable;

/**
 * A part of a region in this process's memory. A mapping stays valid after its region is closed. A
 * mapping is closed and reported as a leak when neither it nor any of its buffers is reachable.
 *
 * <p>After {@link #close}, a buffer that was taken earlier throws IllegalStateException. Before
 * Java 22 it cannot throw: it reads zeros, or the bytes that were written to it after the close.
 * Such a write does not reach the region. The address space is freed when the last buffer becomes
 * unreachable, or by the close if there was no buffer. A program that maps and closes often needs
 * the collector for that: with {@code -XX:+DisableExplicitGC}, it may run out of address space
 * before the collector runs.
 *
 * <p>Thread-safe. A {@link ByteBuffer} is not: each thread should take its own buffer. The bytes of
 * all buffers are ordinary shared memory.
 */
public final class Mapping implements AutoCloseable {
  /** How long to wait for the collector when the kernel has no room, in milliseconds. */
  private static final long COLLECTOR_PAUSE = 100;

  private final String regionName;
  private final long offset;
  private final long length;
  private final boolean readOnly;
  private final Lifetime lifetime;

  /** Null after close, so that a closed mapping holds no address space. */
  private volatile @Nullable Memory memory;

  /** Maps a part of the region of an open descriptor. The caller has checked the bounds. */
  Mapping(
      Cleaner cleaner,
      Driver driver,
      int fd,
      String regionName,
      MapMode mode,
      long offset,
      long length) {
    long before = offset % AshmemRegion.pageSize();
    this.regionName = regionName;
    this.offset = offset;
    this.length = length;
    this.readOnly = mode.isReadOnly();
    this.lifetime = Lifetime.ofMapping(regionName, offset, length);
    Events.MapEvent event = Events.map(regionName, mode, offset, length);
    Unmapping unmapping = new Unmapping(before + length, lifetime::end);
    unmapping.mapped(map(driver, fd, regionName, mode, offset - before, before + length));
    try {
      this.memory = Memory.of(cleaner, before, length, unmapping);
    } catch (Throwable e) {
      boolean unused = unmapping.unmap();
      throw e;
    }
    lifetime.begin();
    Events.mapped(event);
  }

  /**
   * Returns a new view of the mapping's bytes, with position 0 and limit {@link #length()}. Like
   * every new buffer it is big-endian; {@code order(ByteOrder.nativeOrder())} selects the byte
   * order of C programs.
   *
   * @return a direct buffer, read-only if the mapping is
   * @throws ClosedException if the mapping is closed
   * @throws UnsupportedOperationException if the mapping has more than 2147483639 bytes, or more
   *     than 2147483647 before Java 22; {@link Segments} has no such limit
   */
  public ByteBuffer buffer() {
    Memory open = memory();
    if (length > Memory.MAX_BUFFER) {
      throw new UnsupportedOperationException(
          "a buffer holds at most " + Memory.MAX_BUFFER + " bytes: use a segment of the " + this);
    }
    ByteBuffer buffer = open.buffer();
    if (buffer == null) {
      // Another thread has just closed the mapping.
      throw new ClosedException(this.toString());
    }
    return readOnly ? buffer.asReadOnlyBuffer() : buffer;
  }

  /** Returns the memory of the open mapping. Throws {@link ClosedException} if it is closed. */
  Memory memory() {
    Memory held = memory;
    if (held == null) {
      throw new ClosedException(this.toString());
    }
    return held;
  }

  /**
   * Returns the mapping's offset in its region.
   *
   * @return the offset in bytes
   */
  public long offset() {
    return offset;
  }

  /**
   * Returns the mapping's length.
   *
   * @return the length in bytes, at least 1
   */
  public long length() {
    return length;
  }

  /**
   * Returns whether the mapping and its buffers are read-only.
   *
   * @return true if the mapping allows no writes
   */
  public boolean isReadOnly() {
    return readOnly;
  }

  /**
   * Returns whether the mapping is open.
   *
   * @return false after {@link #close} succeeded
   */
  public boolean isOpen() {
    return memory != null;
  }

  /**
   * Detaches this mapping and its buffers from the region's bytes. A second call is a no-op.
   *
   * @throws AshmemException if the kernel has no memory for the operation; the mapping then stays
   *     open
   * @throws IllegalStateException from Java 22 on, if a call in progress uses a buffer of the
   *     mapping, such as the read of a channel; the mapping then stays open
   */
  @Override
  public synchronized void close() {
    Memory held = memory;
    if (held == null) {
      return;
    }
    try {
      Events.CloseEvent event = Events.close(lifetime);
      int result = held.close();
      if (result < 0) {
        throw AshmemException.of("mmap", regionName, -result);
      }
      memory = null;
      boolean unused = lifetime.close();
      Events.closed(event);
    } finally {
      // Without this the cleaner could run first and report a leak.
      Reference.reachabilityFence(held);
    }
  }

  @Override
  public String toString() {
    return "mapping of region '" + regionName + "' from " + offset + ", " + length + " bytes";
  }

  /** Throws if a part of a region cannot be mapped. */
  static void check(AshmemRegion region, MapMode mode, long offset, long length) {
    Objects.requireNonNull(mode, "mode");
    Validate.isTrue(
        offset >= 0 && length > 0 && length <= region.size() - offset,
        "offset %s and length %s are not within %s",
        offset,
        length,
        region);
    Validate.isTrue(
        length <= Memory.maxLength(),
        "before Java 22 a mapping has at most 2147483647 bytes, not %s: map %s in parts",
        length,
        region);
  }

  /** Maps whole pages and returns their address. */
  static long map(
      Driver driver, int fd, String regionName, MapMode mode, long start, long mappedLength) {
    return map(regionName, () -> driver.map(fd, mode, start, mappedLength));
  }

  /** Maps pages by a call that returns their address or the negated errno. */
  static long map(String name, LongSupplier call) {
    long result = call.getAsLong();
    if (result == -Errno.ENOMEM) {
      // Unreachable mappings hold address space until they are collected.
      boolean collected = collect();
      result = call.getAsLong();
      if (result == -Errno.ENOMEM && !collected) {
        throw AshmemException.ofNoCollection("mmap", name);
      }
    }
    return AshmemException.check("mmap", name, result);
  }

  /** Requests a collection, and waits for the cleaner. Returns false if nothing was collected. */
  private static boolean collect() {
    WeakReference<Object> garbage = new WeakReference<>(new Object());
    System.gc();
    try {
      Thread.sleep(COLLECTOR_PAUSE);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    return garbage.get() == null;
  }
}
