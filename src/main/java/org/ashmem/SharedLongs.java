// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.ReadOnlyBufferException;
import java.util.Objects;

/**
 * A mapping as an array of longs that threads and processes share: counters, flags, cursors.
 *
 * <pre>{@code
 * try (AshmemRegion region = AshmemRegion.create("counters", 4096);
 *     Mapping mapping = region.map()) {
 *   SharedLongs counters = SharedLongs.of(mapping);
 *   counters.getAndAdd(3, 1); // whoever maps the region sees it, and none is lost
 * }
 * }</pre>
 *
 * <p>To a program in C this is an array of {@code int64_t}, in the machine's own byte order; its
 * {@code __atomic} builtins and the methods here work on the same long at the same time. What a
 * method's name says of order is what {@link VarHandle} means by it, and holds between processes
 * too: {@link #get} and {@link #set} are for what only one thread uses, or what a later volatile
 * access, or one of acquire and release, publishes.
 *
 * <p>No method allocates or calls into the kernel. An index is from 0 to {@link #length} - 1, or
 * IndexOutOfBoundsException is thrown. What would write to a read-only mapping throws {@link
 * ReadOnlyBufferException}.
 *
 * <p>The array is of use until its mapping is closed. From Java 22 on each access then throws
 * IllegalStateException; before, it reads zeros, or what was written to it since, and no such write
 * reaches the region. An unpinned page may become zeros at any time: pin what is not to be lost.
 *
 * <p>Safe for use by many threads.
 */
public final class SharedLongs {
  private static final VarHandle LONGS =
      MethodHandles.byteBufferViewVarHandle(long[].class, ByteOrder.nativeOrder());

  /** From the first long to the end of the last. */
  private final ByteBuffer bytes;

  private final int length;

  private SharedLongs(ByteBuffer bytes, int length) {
    this.bytes = bytes;
    this.length = length;
  }

  /**
   * Returns as many longs as fit into a mapping, from its first byte on.
   *
   * @param mapping an open mapping of at most 2147483647 bytes that begins at a multiple of 8 bytes
   *     of its region
   * @return a view of the mapping
   * @throws IllegalArgumentException if the mapping begins elsewhere
   * @throws ClosedException if the mapping is closed
   * @throws UnsupportedOperationException if the mapping has more bytes than that
   */
  public static SharedLongs of(Mapping mapping) {
    ByteBuffer bytes = mapping.buffer();
    return of(mapping, bytes, 0, bytes.capacity() / Long.BYTES);
  }

  /**
   * Returns some of a mapping's longs.
   *
   * @param mapping an open mapping of at most 2147483647 bytes
   * @param offset where the first long is in the mapping, in bytes, from 0; together with the
   *     mapping's own offset a multiple of 8
   * @param length how many longs, from 0
   * @return a view of this part of the mapping
   * @throws IllegalArgumentException if the first long is at no multiple of 8 bytes of the region
   * @throws IndexOutOfBoundsException if the longs are not all within the mapping
   * @throws ClosedException if the mapping is closed
   * @throws UnsupportedOperationException if the mapping has more bytes than that
   */
  public static SharedLongs of(Mapping mapping, long offset, int length) {
    return of(mapping, mapping.buffer(), offset, length);
  }

  private static SharedLongs of(Mapping mapping, ByteBuffer bytes, long offset, int length) {
    return new SharedLongs(slice(mapping, bytes, offset, length, Long.BYTES, Long.BYTES), length);
  }

  /** The bytes of elements that are all within a mapping, and aligned, or throws. */
  static ByteBuffer slice(
      Mapping mapping, ByteBuffer bytes, long offset, int length, int size, int alignment) {
    Objects.checkFromIndexSize(offset, (long) length * size, bytes.capacity());
    // The region's first byte is at the start of a page in every process.
    if ((mapping.offset() + offset) % alignment != 0) {
      throw new IllegalArgumentException(
          "offset "
              + offset
              + " of "
              + mapping
              + " is at no multiple of "
              + alignment
              + " bytes of the region");
    }
    return bytes.slice((int) offset, length * size);
  }

  /**
   * Returns how many longs there are.
   *
   * @return the array's length, from 0
   */
  public int length() {
    return length;
  }

  /**
   * Reads a long as an ordinary variable is read.
   *
   * @param index which one
   * @return its value
   */
  public long get(int index) {
    return (long) LONGS.get(bytes, at(index));
  }

  /**
   * Writes a long as an ordinary variable is written.
   *
   * @param index which one
   * @param value its new value
   */
  public void set(int index, long value) {
    LONGS.set(bytes, at(index), value);
  }

  /**
   * Reads a long as a volatile variable is read.
   *
   * @param index which one
   * @return its value
   */
  public long getVolatile(int index) {
    return (long) LONGS.getVolatile(bytes, at(index));
  }

  /**
   * Writes a long as a volatile variable is written.
   *
   * @param index which one
   * @param value its new value
   */
  public void setVolatile(int index, long value) {
    LONGS.setVolatile(bytes, at(index), value);
  }

  /**
   * Reads a long; what the caller reads and writes after it is not moved before it.
   *
   * @param index which one
   * @return its value
   */
  public long getAcquire(int index) {
    return (long) LONGS.getAcquire(bytes, at(index));
  }

  /**
   * Writes a long; what the caller read and wrote before it is not moved behind it. Whoever gets
   * the value by {@link #getAcquire} sees what was written before.
   *
   * @param index which one
   * @param value its new value
   */
  public void setRelease(int index, long value) {
    LONGS.setRelease(bytes, at(index), value);
  }

  /**
   * Writes a long if it has the value that is expected, in one step, as a volatile variable.
   *
   * @param index which one
   * @param expected the value that it must have
   * @param value its new value
   * @return true if it had, and was written
   */
  public boolean compareAndSet(int index, long expected, long value) {
    return LONGS.compareAndSet(bytes, at(index), expected, value);
  }

  /**
   * Adds to a long, in one step, as to a volatile variable. The sum wraps around.
   *
   * @param index which one
   * @param delta what to add
   * @return the value that it had before
   */
  public long getAndAdd(int index, long delta) {
    return (long) LONGS.getAndAdd(bytes, at(index), delta);
  }

  /** Where a long is. Checked here, since what is beyond 2 GiB may wrap into the buffer. */
  private int at(int index) {
    return Objects.checkIndex(index, length) * Long.BYTES;
  }
}
