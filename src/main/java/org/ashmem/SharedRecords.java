// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import java.nio.ByteBuffer;
import java.util.Objects;

/**
 * A mapping as an array of records that threads and processes share. A {@link RecordLayout} defines
 * the fields of a record and the access to them. A C program sees an array of the struct with the
 * same fields.
 *
 * <p>The array is valid until its mapping is closed. After that, each access throws
 * IllegalStateException from Java 22 on. Before Java 22, it reads zeros, or the values that were
 * written after the close. Such a write does not reach the region. An unpinned page may become
 * zeros at any time: pin the records that must not be lost.
 *
 * <p>Thread-safe.
 */
public final class SharedRecords {
  private final RecordLayout layout;

  /** The bytes from the first record to the end of the last. */
  private final ByteBuffer bytes;

  private final int length;

  private SharedRecords(RecordLayout layout, ByteBuffer bytes, int length) {
    this.layout = layout;
    this.bytes = bytes;
    this.length = length;
  }

  /**
   * Returns all records of a mapping, from its first byte. Bytes after the last whole record are
   * ignored.
   *
   * @param mapping an open mapping of at most 2147483647 bytes whose offset in its region is a
   *     multiple of the layout's alignment
   * @param layout the layout of each record
   * @return a view of the mapping
   * @throws IllegalArgumentException if the offset of the mapping is not a multiple of the
   *     alignment
   * @throws ClosedException if the mapping is closed
   * @throws UnsupportedOperationException if the mapping has more than 2147483647 bytes
   */
  public static SharedRecords of(Mapping mapping, RecordLayout layout) {
    ByteBuffer bytes = mapping.buffer();
    return of(mapping, bytes, layout, 0, bytes.capacity() / layout.size());
  }

  /**
   * Returns some of a mapping's records.
   *
   * @param mapping an open mapping of at most 2147483647 bytes
   * @param layout the layout of each record
   * @param offset the offset of the first record in the mapping, in bytes, at least 0; the sum of
   *     this offset and the mapping's own offset must be a multiple of the layout's alignment
   * @param length the number of records, at least 0
   * @return a view of this part of the mapping
   * @throws IllegalArgumentException if the first record is not at a multiple of the layout's
   *     alignment in the region
   * @throws IndexOutOfBoundsException if the records are not all within the mapping
   * @throws ClosedException if the mapping is closed
   * @throws UnsupportedOperationException if the mapping has more than 2147483647 bytes
   */
  public static SharedRecords of(Mapping mapping, RecordLayout layout, long offset, int length) {
    return of(mapping, mapping.buffer(), layout, offset, length);
  }

  private static SharedRecords of(
      Mapping mapping, ByteBuffer bytes, RecordLayout layout, long offset, int length) {
    return new SharedRecords(
        layout,
        SharedLongs.slice(mapping, bytes, offset, length, layout.size(), layout.alignment()),
        length);
  }

  /**
   * Returns the layout of each record.
   *
   * @return the layout
   */
  public RecordLayout layout() {
    return layout;
  }

  /**
   * Returns the number of records.
   *
   * @return the array's length, at least 0
   */
  public int length() {
    return length;
  }

  ByteBuffer bytes() {
    return bytes;
  }

  /** Returns the offset of a record in the bytes. The wanted layout must be that of the records. */
  int at(RecordLayout wanted, int index) {
    if (wanted != layout) {
      throw new IllegalArgumentException("these records have another layout: " + layout);
    }
    return Objects.checkIndex(index, length) * layout.size();
  }
}
