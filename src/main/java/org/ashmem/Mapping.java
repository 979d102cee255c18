// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import java.lang.ref.Cleaner;
import java.lang.ref.Reference;
import java.nio.ByteBuffer;

/**
 * A part of a region in this process's memory. It stays when the region is closed, and is closed by
 * itself once neither it nor a buffer of it is reachable, which is reported as a leak.
 *
 * <p>After {@link #close} a buffer taken before reads zeros, or what was written to it since; no
 * such write reaches the region. The address space is given back when the last buffer is
 * unreachable.
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
  private final long address;
  private final long mappedLength;
  private final long offset;
  private final long length;
  private final boolean readOnly;
  private final Lifetime lifetime;

  /** Every view keeps this one reachable, and with it the address space. */
  private final ByteBuffer root;

  private volatile boolean open = true;

  /** Maps a part, whose bounds the caller checked, of an open descriptor. */
  Mapping(Cleaner cleaner, int fd, String regionName, MapMode mode, long offset, long length) {
    long before = offset % AshmemRegion.pageSize();
    this.regionName = regionName;
    this.offset = offset;
    this.length = length;
    this.readOnly = mode.isReadOnly();
    this.mappedLength = before + length;
    this.lifetime = Lifetime.ofMapping(regionName, offset, length);
    Events.MapEvent event = Events.map(regionName, mode, offset, length);
    this.address = map(fd, mode, offset - before);
    ByteBuffer buffer;
    try {
      buffer = Shim.buffer(address + before, length);
      cleaner.register(buffer, new Unmapping(address, mappedLength, lifetime));
    } catch (Throwable e) {
      int unused = Shim.unmap(address, mappedLength);
      throw e;
    }
    this.root = buffer;
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
   */
  public ByteBuffer buffer() {
    if (!isOpen()) {
      throw new ClosedException(this.toString());
    }
    return readOnly ? root.asReadOnlyBuffer() : root.duplicate();
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
    return open;
  }

  /**
   * Takes the region's bytes away from this mapping and its buffers. Does nothing when it did
   * before.
   *
   * @throws AshmemException if the kernel refuses, for want of memory; the mapping is then still
   *     open
   */
  @Override
  public synchronized void close() {
    if (!open) {
      return;
    }
    try {
      Events.CloseEvent event = Events.close(lifetime);
      int result = Shim.bury(address, mappedLength);
      if (result < 0) {
        throw AshmemException.of("mmap", regionName, -result);
      }
      open = false;
      boolean unused = lifetime.close();
      Events.closed(event);
    } finally {
      // Or the cleaner may unmap the range first, and the tombstone falls on whoever got it next.
      Reference.reachabilityFence(root);
    }
  }

  @Override
  public String toString() {
    return "mapping of region '" + regionName + "' from " + offset + ", " + length + " bytes";
  }

  private long map(int fd, MapMode mode, long start) {
    long result = Shim.map(fd, mode.protection, mode.shared, start, mappedLength);
    if (result == -Errno.ENOMEM) {
      // Mappings that nobody can reach any more hold address space until they are collected.
      System.gc();
      try {
        Thread.sleep(COLLECTOR_PAUSE);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
      result = Shim.map(fd, mode.protection, mode.shared, start, mappedLength);
    }
    if (result < 0) {
      throw AshmemException.of("mmap", regionName, (int) -result);
    }
    return result;
  }

  /** What is left to do for a mapping when nothing of it is reachable. */
  private record Unmapping(long address, long length, Lifetime lifetime) implements Runnable {
    @Override
    public void run() {
      // Nobody is left to tell of an error.
      int unused = Shim.unmap(address, length);
      lifetime.end();
    }
  }
}
