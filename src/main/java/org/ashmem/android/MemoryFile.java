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
 * Memory that is read and written like a file, and that the kernel may purge. This is Android's
 * class of the same name, implemented on an {@link AshmemRegion}.
 *
 * <p>A file that becomes unreachable is closed.
 *
 * <p>Thread-safe: threads access the file one at a time. Its streams are not thread-safe.
 */
public class MemoryFile implements Closeable {
  private final AshmemRegion region;
  private final Mapping mapping;
  private final int length;

  /** Empty after close, so that a closed file holds no address space. */
  private ByteBuffer bytes;

  private boolean purgingAllowed;

  /**
   * Creates a file of zeros. The kernel may not purge it.
   *
   * @param name the name that {@code /proc/PID/maps} shows, or null; the name ends before a NUL,
   *     and is cut to 255 bytes of UTF-8
   * @param length the length in bytes, greater than 0
   * @throws IllegalArgumentException if the length is not greater than 0
   * @throws IOException if the kernel refuses
   */
  @SuppressWarnings("exports") // programs compile without the annotation
  public MemoryFile(@Nullable String name, int length) throws IOException {
    this(createRegion(name, length));
  }

  /** Takes ownership of the region. Closes the region if it cannot be mapped. */
  MemoryFile(AshmemRegion region) throws IOException {
    this.region = region;
    try {
      mapping = region.map(MapMode.READ_WRITE, 0, region.size());
    } catch (AshmemException e) {
      region.close();
      throw ioException(e);
    }
    bytes = mapping.buffer();
    length = bytes.capacity();
  }

  /**
   * Closes the file. Every later access is refused. A second call is a no-op.
   *
   * @throws AshmemException if the kernel has no memory left to unmap the file; the file is closed
   *     nevertheless, and is unmapped when it becomes unreachable
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
   * Returns whether the kernel may purge the file.
   *
   * @return the last value that {@link #allowPurging} set; false initially
   * @deprecated as on Android, which says that purging is hard to use safely. New programs use
   *     {@link AshmemRegion#unpin()} and {@link AshmemRegion#pinned()}.
   */
  @Deprecated
  public synchronized boolean isPurgingAllowed() {
    return purgingAllowed;
  }

  /**
   * Allows the kernel to purge the file when memory is short, or forbids it. While purging is
   * allowed, each access pins the file, and the first access after a purge throws {@link
   * IOException}.
   *
   * @param allowPurging whether the kernel may purge the file
   * @return whether purging was allowed before
   * @throws IOException if the call changes the value and the file is closed; if the kernel
   *     refuses; or if this call forbids purging and the file was purged, which was not reported
   *     yet: then nothing changes, and the next call forbids purging
   * @deprecated as on Android, which says that purging is hard to use safely. New programs use
   *     {@link AshmemRegion#unpin()} and {@link AshmemRegion#pinned()}.
   */
  @Deprecated
  public synchronized boolean allowPurging(boolean allowPurging) throws IOException {
    boolean before = purgingAllowed;
    if (allowPurging == before) {
      return before;
    }
    requireOpen();
    try {
      if (allowPurging) {
        region.unpin();
      } else if (region.pin() == PinResult.WAS_PURGED) {
        region.unpin();
        throw new IOException(purged());
      }
    } catch (AshmemException e) {
      throw ioException(e);
    }
    purgingAllowed = allowPurging;
    return before;
  }

  /**
   * Returns a stream that reads the file from its beginning. The stream supports marks. Closing the
   * stream does not close the file. After the file was closed, the stream's methods throw {@link
   * IllegalStateException}.
   *
   * @return a stream with its own position
   */
  public InputStream getInputStream() {
    return new Input();
  }

  /**
   * Returns a stream that writes the file from its beginning. The file does not grow: a write past
   * its end throws {@link IndexOutOfBoundsException}. Closing the stream does not close the file.
   * After the file was closed, a write throws {@link IOException}.
   *
   * @return a stream with its own position
   */
  public OutputStream getOutputStream() {
    return new Output();
  }

  /**
   * Reads a part of the file.
   *
   * @param buffer the array to copy the part to
   * @param srcOffset the start of the part in the file, in bytes
   * @param destOffset the start of the copy in the array, in bytes
   * @param count the length of the part in bytes
   * @return the count
   * @throws IOException if the file is closed; if it was purged, which is reported once; or if the
   *     kernel refuses
   * @throws IndexOutOfBoundsException if the part exceeds the file or the array
   */
  public int readBytes(byte[] buffer, int srcOffset, int destOffset, int count) throws IOException {
    access(() -> bytes.get(srcOffset, buffer, destOffset, count));
    return count;
  }

  /**
   * Writes a part of the file.
   *
   * @param buffer the array to copy the part from
   * @param srcOffset the start of the data in the array, in bytes
   * @param destOffset the start of the part in the file, in bytes
   * @param count the length of the part in bytes
   * @throws IOException if the file is closed, or if it was purged, which is reported once: then
   *     nothing is written; or if the kernel refuses
   * @throws IndexOutOfBoundsException if the part exceeds the file or the array; nothing is written
   *     then
   */
  public void writeBytes(byte[] buffer, int srcOffset, int destOffset, int count)
      throws IOException {
    access(() -> bytes.put(destOffset, buffer, srcOffset, count));
  }

  /** Serializes accesses: only the first access after a purge finds it. */
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
      throw ioException(e);
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
      throw e.rethrowAsIOException();
    }
  }

  private static IOException ioException(AshmemException e) throws IOException {
    return ErrnoException.of(e).rethrowAsIOException();
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
    public long skip(long n) {
      int count = (int) Math.max(0, Math.min(n, available()));
      position += count;
      return count;
    }

    @Override
    public int available() {
      return length() - position;
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
