// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.ReadOnlyBufferException;
import java.util.Objects;
import org.apache.commons.lang3.Validate;

/**
 * A mapping as an array of longs that threads and processes share, for example counters, flags or
 * cursors.
 *
 * <pre>{@code
 * try (AshmemRegion region = AshmemRegion.create("counters", 4096);
 *     Mapping mapping = region.map()) {
 *   SharedLongs counters = SharedLongs.of(mapping);
 *   counters.getAndAdd(3, 1); // atomic, and visible to every process that maps the region
 * }
 * }</pre>
 *
 * <p>A C program sees an array of {@code int64_t} in the machine's native byte order. C's {@code
 * __atomic} builtins and the methods here may access the same long at the same time. The memory
 * order of each method is that of the {@link VarHandle} access mode with the same name, also
 * between processes. Use {@link #get} and {@link #set} only for values that one thread uses, or
 * that a later volatile or acquire and release access publishes.
 *
 * <p>No method allocates or calls into the kernel. A method throws IndexOutOfBoundsException if the
 * index is not from 0 to {@link #length} - 1. A write to a read-only mapping throws {@link
 * ReadOnlyBufferException}.
 *
 * <p>The array is valid until its mapping is closed. After that, each access throws
 * IllegalStateException from Java 22 on. Before Java 22, it reads zeros, or the values that were
 * written after the close. Such a write does not reach the region. An unpinned page may become
 * zeros at any time: pin the longs that must not be lost.
 *
 * <p>Thread-safe.
 */
public final class SharedLongs {
  private static final VarHandle LONGS =
      MethodHandles.byteBufferViewVarHandle(long[].class, ByteOrder.nativeOrder());

  /** The bytes from the first long to the end of the last. */
  private final ByteBuffer bytes;

  private final int length;

  private SharedLongs(ByteBuffer bytes, int length) {
    this.bytes = bytes;
    this.length = length;
  }

  /**
   * Returns all longs of a mapping, from its first byte. Bytes after the last whole long are
   * ignored.
   *
   * @param mapping an open mapping of at most 2147483647 bytes whose offset in its region is a
   *     multiple of 8
   * @return a view of the mapping
   * @throws IllegalArgumentException if the offset of the mapping is not a multiple of 8
   * @throws ClosedException if the mapping is closed
   * @throws UnsupportedOperationException if the mapping has more than 2147483647 bytes
   */
  public static SharedLongs of(Mapping mapping) {
    ByteBuffer bytes = mapping.buffer();
    return of(mapping, bytes, 0, bytes.capacity() / Long.BYTES);
  }

  /**
   * Returns some of a mapping's longs.
   *
   * @param mapping an open mapping of at most 2147483647 bytes
   * @param offset the offset of the first long in the mapping, in bytes, at least 0; the sum of
   *     this offset and the mapping's own offset must be a multiple of 8
   * @param length the number of longs, at least 0
   * @return a view of this part of the mapping
   * @throws IllegalArgumentException if the first long is not at a multiple of 8 bytes in the
   *     region
   * @throws IndexOutOfBoundsException if the longs are not all within the mapping
   * @throws ClosedException if the mapping is closed
   * @throws UnsupportedOperationException if the mapping has more than 2147483647 bytes
   */
  public static SharedLongs of(Mapping mapping, long offset, int length) {
    return of(mapping, mapping.buffer(), offset, length);
  }

  private static SharedLongs of(Mapping mapping, ByteBuffer bytes, long offset, int length) {
    return new SharedLongs(slice(mapping, bytes, offset, length, Long.BYTES, Long.BYTES), length);
  }

  /** Returns the bytes of some elements. Throws if they exceed the mapping or are not aligned. */
  static ByteBuffer slice(
      Mapping mapping, ByteBuffer bytes, long offset, int length, int size, int alignment) {
    Objects.checkFromIndexSize(offset, (long) length * size, bytes.capacity());
    // The region begins at a page boundary in every process, so its offsets decide the alignment.
    Validate.isTrue(
        (mapping.offset() + offset) % alignment == 0,
        "offset %s of %s is not at a multiple of %s bytes in the region",
        offset,
        mapping,
        alignment);
    return bytes.slice((int) offset, length * size);
  }

  /**
   * Returns the number of longs.
   *
   * @return the array's length, at least 0
   */
  public int length() {
    return length;
  }

  /**
   * Reads a long with the memory order of an ordinary variable.
   *
   * @param index the index of the long
   * @return the value
   */
  public long get(int index) {
    return (long) LONGS.get(bytes, at(index));
  }

  /**
   * Writes a long with the memory order of an ordinary variable.
   *
   * @param index the index of the long
   * @param value the new value
   */
  public void set(int index, long value) {
    LONGS.set(bytes, at(index), value);
  }

  /**
   * Reads a long with the memory order of a volatile variable.
   *
   * @param index the index of the long
   * @return the value
   */
  public long getVolatile(int index) {
    return (long) LONGS.getVolatile(bytes, at(index));
  }

  /**
   * Writes a long with the memory order of a volatile variable.
   *
   * @param index the index of the long
   * @param value the new value
   */
  public void setVolatile(int index, long value) {
    LONGS.setVolatile(bytes, at(index), value);
  }

  /**
   * Reads a long with acquire order: later reads and writes of the caller are not reordered before
   * this read.
   *
   * @param index the index of the long
   * @return the value
   */
  public long getAcquire(int index) {
    return (long) LONGS.getAcquire(bytes, at(index));
  }

  /**
   * Writes a long with release order: earlier reads and writes of the caller are not reordered
   * after this write. A thread that reads the value by {@link #getAcquire} sees all earlier writes
   * of the caller.
   *
   * @param index the index of the long
   * @param value the new value
   */
  public void setRelease(int index, long value) {
    LONGS.setRelease(bytes, at(index), value);
  }

  /**
   * Atomically writes a long if it has the expected value, with the memory order of a volatile
   * variable.
   *
   * @param index the index of the long
   * @param expected the expected value
   * @param value the new value
   * @return true if the long had the expected value and was written
   */
  public boolean compareAndSet(int index, long expected, long value) {
    return LONGS.compareAndSet(bytes, at(index), expected, value);
  }

  /**
   * Atomically adds to a long, with the memory order of a volatile variable. The sum wraps around.
   *
   * @param index the index of the long
   * @param delta the value to add
   * @return the previous value
   */
  public long getAndAdd(int index, long delta) {
    return (long) LONGS.getAndAdd(bytes, at(index), delta);
  }

  /** Returns the offset of a long. The check here prevents an int overflow beyond 2 GiB. */
  private int at(int index) {
    return Objects.checkIndex(index, length) * Long.BYTES;
  }
}
