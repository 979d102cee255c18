// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import java.lang.ref.Cleaner;
import java.lang.ref.Reference;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/**
 * A part of a region in this process's memory. It stays when the region is closed, and is closed by
 * itself once neither it nor a buffer of it is reachable, which is reported as a leak.
 *
 * <p>After {@link #close} a buffer taken before throws IllegalStateException. Before Java 22 it
 * cannot: there it reads zeros, or what was written to it since, no such write reaches the region,
 * and the address space is given back when the last buffer is unreachable.
 *
 * <p>Safe for use by many threads; so are the buffers as far as {@link ByteBuffer} is, which is to
 * say that each thread takes its own and that their common bytes are ordinary shared memory.
 */
public final class Mapping implements AutoCloseable {
  /**
   * How long a mapping that the kernel had no room for waits for the collector, in milliseconds.
   */
  private static final long COLLECTOR_PAUSE = 100;

  private final String regionName;
  private final long offset;
  private final long length;
  private final boolean readOnly;
  private final Lifetime lifetime;

  /** Null once it is closed: a closed mapping holds no address space. */
  private volatile @Nullable Memory memory;

  /** Maps a part, whose bounds the caller checked, of an open descriptor. */
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
    long address = map(driver, fd, regionName, mode, offset - before, before + length);
    Unmapping unmapping = new Unmapping(address, before + length, lifetime::end);
    try {
      this.memory = new Memory(cleaner, before, length, unmapping);
    } catch (Throwable e) {
      boolean unused = unmapping.unmap();
      throw e;
    }
    lifetime.begin();
    Events.mapped(event);
  }

  /**
   * Returns a new view of the mapping's bytes, from position 0 to the limit {@link #length()}, in
   * big-endian order as every new buffer: {@code order(ByteOrder.nativeOrder())} gives the order of
   * programs in C.
   *
   * @return a direct buffer, read-only if the mapping is
   * @throws ClosedException if the mapping is closed
   * @throws UnsupportedOperationException if the mapping has more than 2147483647 bytes; {@link
   *     Segments} has no such limit
   */
  public ByteBuffer buffer() {
    Memory open = memory();
    if (length > Integer.MAX_VALUE) {
      throw new UnsupportedOperationException(
          "a buffer holds at most 2147483647 bytes: take a segment of " + this);
    }
    ByteBuffer buffer = open.buffer();
    return readOnly ? buffer.asReadOnlyBuffer() : buffer;
  }

  /** What holds the bytes of a mapping that is open. */
  Memory memory() {
    Memory held = memory;
    if (held == null) {
      throw new ClosedException(this.toString());
    }
    return held;
  }

  /**
   * Returns where in the region the mapping begins.
   *
   * @return the offset in bytes
   */
  public long offset() {
    return offset;
  }

  /**
   * Returns how long the mapping is.
   *
   * @return the length in bytes, at least 1
   */
  public long length() {
    return length;
  }

  /**
   * Tells whether the buffers are read-only.
   *
   * @return true if nothing can be written through this mapping
   */
  public boolean isReadOnly() {
    return readOnly;
  }

  /**
   * Tells whether the mapping was not closed yet.
   *
   * @return false once {@link #close} was called
   */
  public boolean isOpen() {
    return memory != null;
  }

  /**
   * Takes the region's bytes away from this mapping and its buffers. Does nothing when it did
   * before.
   *
   * @throws AshmemException if the kernel refuses, for want of memory; the mapping is then still
   *     open
   * @throws IllegalStateException from Java 22 on, while a call that is under way, such as a
   *     channel's read, uses a buffer of the mapping; it is then still open
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
      // Or the cleaner may find the mapping forgotten.
      Reference.reachabilityFence(held);
    }
  }

  @Override
  public String toString() {
    return "mapping of region '" + regionName + "' from " + offset + ", " + length + " bytes";
  }

  /** Maps pages, and returns their address. */
  static long map(
      Driver driver, int fd, String regionName, MapMode mode, long start, long mappedLength) {
    long result = driver.map(fd, mode, start, mappedLength);
    if (result == -Errno.ENOMEM) {
      // Mappings that nobody can reach any more hold address space until they are collected.
      System.gc();
      try {
        Thread.sleep(COLLECTOR_PAUSE);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
      result = driver.map(fd, mode, start, mappedLength);
    }
    if (result < 0) {
      throw AshmemException.of("mmap", regionName, (int) -result);
    }
    return result;
  }
}
