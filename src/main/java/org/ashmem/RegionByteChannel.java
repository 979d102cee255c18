// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.NonWritableChannelException;
import java.nio.channels.SeekableByteChannel;

/**
 * The bytes of a region as a channel. It has a mapping of its own, of a window around the position,
 * so that a region of any size works. The monitor of this object keeps the window mapped during an
 * access.
 *
 * <p>Thread-safe.
 */
final class RegionByteChannel implements SeekableByteChannel {
  /** The maximum length of a window in bytes, a multiple of the page size. */
  static final int WINDOW = 1 << 30;

  private final AshmemRegion region;
  private final MapMode mode;
  private Mapping window;

  /** A view of the window. */
  private ByteBuffer bytes;

  private long position;
  private volatile boolean open = true;

  /** Maps the first window. Throws what {@link AshmemRegion#map(MapMode, long, long)} throws. */
  RegionByteChannel(AshmemRegion region, MapMode mode) {
    this.region = region;
    this.mode = mode;
    this.window = map(0);
    this.bytes = window.buffer();
  }

  /** Returns a channel that can write if the region's protection allows it. */
  static RegionByteChannel of(AshmemRegion region) {
    try {
      return new RegionByteChannel(region, MapMode.READ_WRITE);
    } catch (AshmemException.PermissionDenied e) {
      // A check of the protection before the call would be racy: the protection could change.
      return new RegionByteChannel(region, MapMode.READ_ONLY);
    }
  }

  private Mapping map(long start) {
    return region.map(mode, start, Math.min(WINDOW, region.size() - start));
  }

  /** Returns at most so many bytes, at least one, from the position. It is within the region. */
  private ByteBuffer part(int length) {
    long start = position - position % WINDOW;
    if (start != window.offset()) {
      Mapping next = map(start);
      Mapping last = window;
      bytes = next.buffer();
      window = next;
      last.close();
    }
    int from = (int) (position - start);
    return bytes.slice(from, Math.min(length, bytes.capacity() - from));
  }

  @Override
  public synchronized int read(ByteBuffer target) throws IOException {
    requireOpen();
    if (target.hasRemaining() && position >= region.size()) {
      return -1;
    }
    int before = target.position();
    while (target.hasRemaining() && position < region.size()) {
      ByteBuffer part = part(target.remaining());
      target.put(part);
      position += part.position();
    }
    return target.position() - before;
  }

  @Override
  public synchronized int write(ByteBuffer source) throws IOException {
    requireOpen();
    requireWritable();
    if (source.hasRemaining() && position >= region.size()) {
      throw new IOException(region + " has no byte at " + position + ": its size is fixed");
    }
    int before = source.position();
    while (source.hasRemaining() && position < region.size()) {
      ByteBuffer part = part(source.remaining());
      part.put(source.slice(source.position(), part.remaining()));
      source.position(source.position() + part.position());
      position += part.position();
    }
    return source.position() - before;
  }

  @Override
  public synchronized long position() throws IOException {
    requireOpen();
    return position;
  }

  @Override
  public synchronized SeekableByteChannel position(long newPosition) throws IOException {
    requireOpen();
    if (newPosition < 0) {
      throw new IllegalArgumentException("a position is at least 0, not " + newPosition);
    }
    position = newPosition;
    return this;
  }

  @Override
  public synchronized long size() throws IOException {
    requireOpen();
    return region.size();
  }

  @Override
  public synchronized SeekableByteChannel truncate(long size) throws IOException {
    requireOpen();
    requireWritable();
    if (size < 0) {
      throw new IllegalArgumentException("a size is at least 0, not " + size);
    }
    if (size < region.size()) {
      throw new IOException(region + " cannot be truncated: its size is fixed");
    }
    position = Math.min(position, size);
    return this;
  }

  @Override
  public boolean isOpen() {
    return open && region.isOpen();
  }

  @Override
  public synchronized void close() {
    open = false;
    window.close();
    // A closed channel holds no address space.
    bytes = ByteBuffer.allocate(0);
  }

  private void requireOpen() throws ClosedChannelException {
    if (!open) {
      throw new ClosedChannelException();
    }
    if (!region.isOpen()) {
      throw new ClosedException(region.toString());
    }
  }

  private void requireWritable() {
    if (mode.isReadOnly()) {
      throw new NonWritableChannelException();
    }
  }
}
