// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import java.nio.ByteBuffer;
import java.util.Objects;

/**
 * A mapping as an array of records that threads and processes share. What a record is made of, and
 * how a field of it is read and written, is told by a {@link RecordLayout}. To a program in C it is
 * an array of that struct.
 *
 * <p>The array is of use until its mapping is closed. From Java 22 on each access then throws
 * IllegalStateException; before, it reads zeros, or what was written to it since, and no such write
 * reaches the region. An unpinned page may become zeros at any time: pin what is not to be lost.
 *
 * <p>Safe for use by many threads.
 */
public final class SharedRecords {
  private final RecordLayout layout;

  /** From the first record to the end of the last. */
  private final ByteBuffer bytes;

  private final int length;

  private SharedRecords(RecordLayout layout, ByteBuffer bytes, int length) {
    this.layout = layout;
    this.bytes = bytes;
    this.length = length;
  }

  /**
   * Returns as many records as fit into a mapping, from its first byte on.
   *
   * @param mapping an open mapping of at most 2147483647 bytes that begins at a multiple of the
   *     layout's alignment in its region
   * @param layout what each record is made of
   * @return a view of the mapping
   * @throws IllegalArgumentException if the mapping begins elsewhere
   * @throws ClosedException if the mapping is closed
   * @throws UnsupportedOperationException if the mapping has more bytes than that
   */
  public static SharedRecords of(Mapping mapping, RecordLayout layout) {
    ByteBuffer bytes = mapping.buffer();
    return of(mapping, bytes, layout, 0, bytes.capacity() / layout.size());
  }

  /**
   * Returns some of a mapping's records.
   *
   * @param mapping an open mapping of at most 2147483647 bytes
   * @param layout what each record is made of
   * @param offset where the first record is in the mapping, in bytes, from 0; together with the
   *     mapping's own offset a multiple of the layout's alignment
   * @param length how many records, from 0
   * @return a view of this part of the mapping
   * @throws IllegalArgumentException if the first record is at no multiple of the layout's
   *     alignment in the region
   * @throws IndexOutOfBoundsException if the records are not all within the mapping
   * @throws ClosedException if the mapping is closed
   * @throws UnsupportedOperationException if the mapping has more bytes than that
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
   * Returns what each record is made of.
   *
   * @return the layout
   */
  public RecordLayout layout() {
    return layout;
  }

  /**
   * Returns how many records there are.
   *
   * @return the array's length, from 0
   */
  public int length() {
    return length;
  }

  ByteBuffer bytes() {
    return bytes;
  }

  /** Where a record is in the bytes, for a field of a layout that must be this one. */
  int at(RecordLayout wanted, int index) {
    if (wanted != layout) {
      throw new IllegalArgumentException("these records are of another layout: " + layout);
    }
    return Objects.checkIndex(index, length) * layout.size();
  }
}
