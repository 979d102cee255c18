// SPDX-License-Identifier: Apache-2.0
package org.ashmem.android;

import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.util.Objects;
import org.ashmem.AshmemException;
import org.ashmem.AshmemRegion;
import org.ashmem.MapMode;
import org.ashmem.Mapping;
import org.ashmem.Pin;
import org.ashmem.PinResult;
import org.jspecify.annotations.Nullable;

/**
 * Memory that is read and written like a file, and that the kernel may take back: Android's class
 * of that name, on an {@link AshmemRegion}.
 *
 * <p>A file that is no longer reachable is closed by itself.
 *
 * <p>Safe for use by many threads, which access it one at a time. A stream of it is for one thread.
 */
public final class MemoryFile implements Closeable {
  private final AshmemRegion region;
  private final Mapping mapping;
  private final int length;

  /** None once it is closed, so that the address space is not held. */
  private ByteBuffer bytes;

  private boolean purgingAllowed;

  /**
   * Creates a file of zeros that is not purged.
   *
   * @param name what to show in {@code /proc/PID/maps}, or null; what follows a NUL or does not fit
   *     255 bytes of UTF-8 is left out
   * @param length the length in bytes, greater than 0
   * @throws IllegalArgumentException if the length is not greater than 0
   * @throws IOException if the kernel refuses
   */
  @SuppressWarnings("exports") // programs compile without the annotation
  public MemoryFile(@Nullable String name, int length) throws IOException {
    this(createRegion(name, length));
  }

  /** Takes over the region, and closes it if it cannot be mapped. */
  MemoryFile(AshmemRegion region) throws IOException {
    this.region = region;
    try {
      mapping = region.map(MapMode.READ_WRITE, 0, region.size());
    } catch (AshmemException e) {
      region.close();
      throw new IOException(e.getMessage(), e);
    }
    bytes = mapping.buffer();
    length = bytes.capacity();
  }

  /**
   * Closes the file. Every access from then on is refused. Does nothing when it did before.
   *
   * @throws AshmemException if the kernel has no memory left to unmap it; the file is closed then
   *     too, and unmapped once it is not reachable
   */
  @Override
  public synchronized void close() {
    try {
      mapping.close();
    } finally {
      region.close();
      bytes = ByteBuffer.allocate(0);
    }
  }

  /**
   * Returns the file's length.
   *
   * @return the length in bytes, greater than 0
   * @throws IllegalStateException if the file is closed
   */
  public int length() {
    if (!region.isOpen()) {
      throw new IllegalStateException(closed());
    }
    return length;
  }

  /**
   * Tells whether the kernel may purge the file.
   *
   * @return what {@link #allowPurging} was told last; false at first
   */
  public synchronized boolean isPurgingAllowed() {
    return purgingAllowed;
  }

  /**
   * Allows the kernel to purge the file when memory is short, or forbids it. While it is allowed,
   * each access pins the file, and the first one after a purge throws {@link IOException}.
   *
   * @param allowPurging whether the kernel may purge the file
   * @return whether it was allowed before
   * @throws IOException if the file is closed, if the kernel refuses, or if purging is to be
   *     forbidden and the file was purged, which nobody was told yet; nothing is changed then, and
   *     the next call does it
   */
  public synchronized boolean allowPurging(boolean allowPurging) throws IOException {
    requireOpen();
    boolean before = purgingAllowed;
    try {
      if (allowPurging && !before) {
        region.unpin();
      } else if (!allowPurging && before && region.pin() == PinResult.WAS_PURGED) {
        region.unpin();
        throw new IOException(purged());
      }
    } catch (AshmemException e) {
      throw new IOException(e.getMessage(), e);
    }
    purgingAllowed = allowPurging;
    return before;
  }

  /**
   * Begins to read the file from its beginning. The stream can be marked; to close it does nothing
   * to the file.
   *
   * @return a stream with a position of its own
   */
  public InputStream getInputStream() {
    return new Input();
  }

  /**
   * Begins to write the file from its beginning. The file does not grow: what would go past its end
   * is refused with {@link IndexOutOfBoundsException}. To close the stream does nothing to the
   * file.
   *
   * @return a stream with a position of its own
   */
  public OutputStream getOutputStream() {
    return new Output();
  }

  /**
   * Reads a part of the file.
   *
   * @param buffer where to put it
   * @param srcOffset where in the file the part begins, in bytes
   * @param destOffset where to put it in the buffer, in bytes
   * @param count the part's length in bytes
   * @return the count
   * @throws IOException if the file is closed, if it was purged, which is told once, or if the
   *     kernel refuses
   * @throws IndexOutOfBoundsException if the part is not within the file or does not fit the buffer
   */
  public int readBytes(byte[] buffer, int srcOffset, int destOffset, int count) throws IOException {
    access(() -> bytes.get(srcOffset, buffer, destOffset, count));
    return count;
  }

  /**
   * Writes a part of the file.
   *
   * @param buffer where to take it from
   * @param srcOffset where in the buffer it is, in bytes
   * @param destOffset where in the file the part begins, in bytes
   * @param count the part's length in bytes
   * @throws IOException if the file is closed, if it was purged, which is told once, or if the
   *     kernel refuses; nothing was written if it is closed or was purged
   * @throws IndexOutOfBoundsException if the part is not within the file or not within the buffer;
   *     nothing was written then
   */
  public void writeBytes(byte[] buffer, int srcOffset, int destOffset, int count)
      throws IOException {
    access(() -> bytes.put(destOffset, buffer, srcOffset, count));
  }

  /** One at a time, since pins are not counted: the first to end would unpin for all. */
  private synchronized void access(Runnable copy) throws IOException {
    requireOpen();
    if (!purgingAllowed) {
      copy.run();
      return;
    }
    try (Pin pin = region.pinned()) {
      if (pin.wasPurged()) {
        throw new IOException(purged());
      }
      copy.run();
    } catch (AshmemException e) {
      throw new IOException(e.getMessage(), e);
    }
  }

  private void requireOpen() throws IOException {
    if (!region.isOpen()) {
      throw new IOException(closed());
    }
  }

  private String closed() {
    return region + " is closed";
  }

  private String purged() {
    return region + " was purged: its content is lost";
  }

  private static AshmemRegion createRegion(@Nullable String name, int length) throws IOException {
    try {
      return SharedMemory.createRegion(name, length);
    } catch (ErrnoException e) {
      throw new IOException(e.getMessage(), e);
    }
  }

  private final class Input extends InputStream {
    private int position;
    private int mark;

    @Override
    public int read() throws IOException {
      byte[] one = new byte[1];
      return read(one, 0, 1) < 0 ? -1 : Byte.toUnsignedInt(one[0]);
    }

    @Override
    public int read(byte[] buffer, int offset, int length) throws IOException {
      Objects.checkFromIndexSize(offset, length, buffer.length);
      int count = Math.min(length, available());
      if (count == 0) {
        return length == 0 ? 0 : -1;
      }
      position += readBytes(buffer, position, offset, count);
      return count;
    }

    @Override
    public long skip(long n) throws IOException {
      int count = (int) Math.max(0, Math.min(n, available()));
      position += count;
      return count;
    }

    @Override
    public int available() throws IOException {
      requireOpen();
      return length - position;
    }

    @Override
    public boolean markSupported() {
      return true;
    }

    @Override
    public void mark(int readLimit) {
      mark = position;
    }

    @Override
    public void reset() {
      position = mark;
    }
  }

  private final class Output extends OutputStream {
    private int position;

    @Override
    public void write(int b) throws IOException {
      write(new byte[] {(byte) b}, 0, 1);
    }

    @Override
    public void write(byte[] buffer, int offset, int count) throws IOException {
      writeBytes(buffer, offset, position, count);
      position += count;
    }
  }
}
