// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.ReadOnlyBufferException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.commons.lang3.Validate;

/**
 * The layout of a record of {@link SharedRecords}: named fields, in the order in which they were
 * added. A program creates a layout and its fields once, as constants. It then reads and writes a
 * field by the index of a record.
 *
 * <pre>{@code
 * static final RecordLayout TILE =
 *     RecordLayout.builder().addInt("state").addLong("hits").addBytes("name", 20).build();
 * static final RecordLayout.LongField HITS = TILE.longField("hits");
 *
 * SharedRecords tiles = SharedRecords.of(mapping, TILE);
 * HITS.getAndAdd(tiles, 7, 1);
 * }</pre>
 *
 * <p>The layout is the same that a C compiler uses for these fields on x86_64 and aarch64. Each
 * field is at the next multiple of its alignment, which is its size, or 1 for a field of bytes. The
 * record's size is a multiple of the largest alignment. Numbers are in the machine's native byte
 * order. The layout above is
 *
 * <pre>{@code
 * struct tile {
 *   int32_t state;   // at 0
 *   int64_t hits;    // at 8
 *   char name[20];   // at 16
 * };                 // 40 bytes
 * }</pre>
 *
 * <p>No access calls into the kernel. No access allocates, except {@link
 * BytesField#get(SharedRecords, int)}, which returns a new array. An access throws
 * IndexOutOfBoundsException if the index is not from 0 to {@link SharedRecords#length} - 1, and
 * IllegalArgumentException if the records have another layout. A write throws {@link
 * ReadOnlyBufferException} if the mapping of the records is read-only. The memory order of each
 * method is that of the {@link VarHandle} access mode with the same name, also between processes.
 * Use {@code get} and {@code set} only for fields that one thread uses, or that a volatile access
 * to another field publishes.
 *
 * <p>Thread-safe. The builder is not.
 */
public final class RecordLayout {
  private static final VarHandle INTS =
      MethodHandles.byteBufferViewVarHandle(int[].class, ByteOrder.nativeOrder());
  private static final VarHandle LONGS =
      MethodHandles.byteBufferViewVarHandle(long[].class, ByteOrder.nativeOrder());
  private static final VarHandle DOUBLES =
      MethodHandles.byteBufferViewVarHandle(double[].class, ByteOrder.nativeOrder());

  private final Map<String, Field> fields = new LinkedHashMap<>();
  private final int size;
  private final int alignment;

  private RecordLayout(List<Builder.Added> added, int size, int alignment) {
    for (Builder.Added each : added) {
      fields.put(
          each.name,
          switch (each.type) {
            case BYTE -> new ByteField(this, each);
            case INT -> new IntField(this, each);
            case LONG -> new LongField(this, each);
            case DOUBLE -> new DoubleField(this, each);
            case BYTES -> new BytesField(this, each);
          });
    }
    this.size = size;
    this.alignment = alignment;
  }

  /**
   * Returns a builder of a new layout.
   *
   * @return a builder without fields
   */
  public static Builder builder() {
    return new Builder();
  }

  /**
   * Returns the size of a record, which is the distance from one record to the next.
   *
   * @return the size in bytes, at least 1, a multiple of {@link #alignment()}
   */
  public int size() {
    return size;
  }

  /**
   * Returns the alignment of a record. The offset of each record in its region is a multiple of it.
   *
   * @return the alignment in bytes: 1, 4 or 8
   */
  public int alignment() {
    return alignment;
  }

  /**
   * Returns the fields.
   *
   * @return an unmodifiable list, in the order in which the fields were added
   */
  public List<Field> fields() {
    return List.copyOf(fields.values());
  }

  /**
   * Returns a field that was added by {@link Builder#addByte}.
   *
   * @param name the name of the field
   * @return the field
   * @throws IllegalArgumentException if there is no field with this name and type
   */
  public ByteField byteField(String name) {
    return field(name, ByteField.class);
  }

  /**
   * Returns a field that was added by {@link Builder#addInt}.
   *
   * @param name the name of the field
   * @return the field
   * @throws IllegalArgumentException if there is no field with this name and type
   */
  public IntField intField(String name) {
    return field(name, IntField.class);
  }

  /**
   * Returns a field that was added by {@link Builder#addLong}.
   *
   * @param name the name of the field
   * @return the field
   * @throws IllegalArgumentException if there is no field with this name and type
   */
  public LongField longField(String name) {
    return field(name, LongField.class);
  }

  /**
   * Returns a field that was added by {@link Builder#addDouble}.
   *
   * @param name the name of the field
   * @return the field
   * @throws IllegalArgumentException if there is no field with this name and type
   */
  public DoubleField doubleField(String name) {
    return field(name, DoubleField.class);
  }

  /**
   * Returns a field that was added by {@link Builder#addBytes}.
   *
   * @param name the name of the field
   * @return the field
   * @throws IllegalArgumentException if there is no field with this name and type
   */
  public BytesField bytesField(String name) {
    return field(name, BytesField.class);
  }

  private <F extends Field> F field(String name, Class<F> type) {
    Field field = fields.get(name);
    if (!type.isInstance(field)) {
      throw new IllegalArgumentException(
          "no " + type.getSimpleName() + " is named '" + name + "' in " + this);
    }
    return type.cast(field);
  }

  @Override
  public String toString() {
    return "record of " + size + " bytes: " + fields.values();
  }

  /** One field of each record. */
  public abstract static sealed class Field {
    private final RecordLayout layout;
    private final String name;
    private final int offset;
    private final int size;

    private Field(RecordLayout layout, Builder.Added added) {
      this.layout = layout;
      this.name = added.name;
      this.offset = added.offset;
      this.size = added.size;
    }

    /**
     * Returns the field's name.
     *
     * @return the name
     */
    public String name() {
      return name;
    }

    /**
     * Returns the offset of the field in a record.
     *
     * @return the offset in bytes, at least 0
     */
    public int offset() {
      return offset;
    }

    /**
     * Returns the size of the field.
     *
     * @return the size in bytes, at least 1
     */
    public int size() {
      return size;
    }

    /** Returns the offset of a record's field in the bytes of all records. */
    final int at(SharedRecords records, int index) {
      return records.at(layout, index) + offset;
    }

    @Override
    public String toString() {
      return getClass().getSimpleName() + " " + name + " of " + size + " at " + offset;
    }
  }

  /** A field of one byte: C's {@code int8_t}. */
  public static final class ByteField extends Field {
    private ByteField(RecordLayout layout, Builder.Added added) {
      super(layout, added);
    }

    /**
     * Reads the field with the memory order of an ordinary variable.
     *
     * @param records the records
     * @param index the index of the record
     * @return the value
     */
    public byte get(SharedRecords records, int index) {
      return records.bytes().get(at(records, index));
    }

    /**
     * Writes the field with the memory order of an ordinary variable.
     *
     * @param records the records
     * @param index the index of the record
     * @param value the new value
     */
    public void set(SharedRecords records, int index, byte value) {
      ByteBuffer unused = records.bytes().put(at(records, index), value);
    }
  }

  /** A field of 4 bytes: C's {@code int32_t}. */
  public static final class IntField extends Field {
    private IntField(RecordLayout layout, Builder.Added added) {
      super(layout, added);
    }

    /**
     * Reads the field with the memory order of an ordinary variable.
     *
     * @param records the records
     * @param index the index of the record
     * @return the value
     */
    public int get(SharedRecords records, int index) {
      return (int) INTS.get(records.bytes(), at(records, index));
    }

    /**
     * Writes the field with the memory order of an ordinary variable.
     *
     * @param records the records
     * @param index the index of the record
     * @param value the new value
     */
    public void set(SharedRecords records, int index, int value) {
      INTS.set(records.bytes(), at(records, index), value);
    }

    /**
     * Reads the field with the memory order of a volatile variable.
     *
     * @param records the records
     * @param index the index of the record
     * @return the value
     */
    public int getVolatile(SharedRecords records, int index) {
      return (int) INTS.getVolatile(records.bytes(), at(records, index));
    }

    /**
     * Writes the field with the memory order of a volatile variable.
     *
     * @param records the records
     * @param index the index of the record
     * @param value the new value
     */
    public void setVolatile(SharedRecords records, int index, int value) {
      INTS.setVolatile(records.bytes(), at(records, index), value);
    }

    /**
     * Atomically writes the field if it has the expected value, with the memory order of a volatile
     * variable.
     *
     * @param records the records
     * @param index the index of the record
     * @param expected the expected value
     * @param value the new value
     * @return true if the field had the expected value and was written
     */
    public boolean compareAndSet(SharedRecords records, int index, int expected, int value) {
      return INTS.compareAndSet(records.bytes(), at(records, index), expected, value);
    }

    /**
     * Atomically adds to the field, with the memory order of a volatile variable. The sum wraps
     * around.
     *
     * @param records the records
     * @param index the index of the record
     * @param delta the value to add
     * @return the previous value
     */
    public int getAndAdd(SharedRecords records, int index, int delta) {
      return (int) INTS.getAndAdd(records.bytes(), at(records, index), delta);
    }
  }

  /** A field of 8 bytes: C's {@code int64_t}. */
  public static final class LongField extends Field {
    private LongField(RecordLayout layout, Builder.Added added) {
      super(layout, added);
    }

    /**
     * Reads the field with the memory order of an ordinary variable.
     *
     * @param records the records
     * @param index the index of the record
     * @return the value
     */
    public long get(SharedRecords records, int index) {
      return (long) LONGS.get(records.bytes(), at(records, index));
    }

    /**
     * Writes the field with the memory order of an ordinary variable.
     *
     * @param records the records
     * @param index the index of the record
     * @param value the new value
     */
    public void set(SharedRecords records, int index, long value) {
      LONGS.set(records.bytes(), at(records, index), value);
    }

    /**
     * Reads the field with the memory order of a volatile variable.
     *
     * @param records the records
     * @param index the index of the record
     * @return the value
     */
    public long getVolatile(SharedRecords records, int index) {
      return (long) LONGS.getVolatile(records.bytes(), at(records, index));
    }

    /**
     * Writes the field with the memory order of a volatile variable.
     *
     * @param records the records
     * @param index the index of the record
     * @param value the new value
     */
    public void setVolatile(SharedRecords records, int index, long value) {
      LONGS.setVolatile(records.bytes(), at(records, index), value);
    }

    /**
     * Atomically writes the field if it has the expected value, with the memory order of a volatile
     * variable.
     *
     * @param records the records
     * @param index the index of the record
     * @param expected the expected value
     * @param value the new value
     * @return true if the field had the expected value and was written
     */
    public boolean compareAndSet(SharedRecords records, int index, long expected, long value) {
      return LONGS.compareAndSet(records.bytes(), at(records, index), expected, value);
    }

    /**
     * Atomically adds to the field, with the memory order of a volatile variable. The sum wraps
     * around.
     *
     * @param records the records
     * @param index the index of the record
     * @param delta the value to add
     * @return the previous value
     */
    public long getAndAdd(SharedRecords records, int index, long delta) {
      return (long) LONGS.getAndAdd(records.bytes(), at(records, index), delta);
    }
  }

  /** A field of 8 bytes: C's {@code double}. */
  public static final class DoubleField extends Field {
    private DoubleField(RecordLayout layout, Builder.Added added) {
      super(layout, added);
    }

    /**
     * Reads the field with the memory order of an ordinary variable.
     *
     * @param records the records
     * @param index the index of the record
     * @return the value
     */
    public double get(SharedRecords records, int index) {
      return (double) DOUBLES.get(records.bytes(), at(records, index));
    }

    /**
     * Writes the field with the memory order of an ordinary variable.
     *
     * @param records the records
     * @param index the index of the record
     * @param value the new value
     */
    public void set(SharedRecords records, int index, double value) {
      DOUBLES.set(records.bytes(), at(records, index), value);
    }
  }

  /** A field of a fixed number of bytes: C's {@code char[]}. Access is not atomic. */
  public static final class BytesField extends Field {
    private BytesField(RecordLayout layout, Builder.Added added) {
      super(layout, added);
    }

    /**
     * Copies the field's bytes.
     *
     * @param records the records
     * @param index the index of the record
     * @return a new array of {@link #size()} bytes
     */
    public byte[] get(SharedRecords records, int index) {
      byte[] value = new byte[size()];
      get(records, index, value);
      return value;
    }

    /**
     * Copies the field's first bytes to an array. The length of the array is the number of bytes.
     *
     * @param records the records
     * @param index the index of the record
     * @param destination the array to fill, at most {@link #size()} bytes long
     * @throws IllegalArgumentException if the array is longer; no byte is copied then
     */
    public void get(SharedRecords records, int index, byte[] destination) {
      requireRoom(destination);
      ByteBuffer unused = records.bytes().get(at(records, index), destination);
    }

    /**
     * Writes an array to the field and fills the rest of the field with zeros.
     *
     * @param records the records
     * @param index the index of the record
     * @param value the array, at most {@link #size()} bytes long
     * @throws IllegalArgumentException if the array is longer; no byte is written then
     */
    public void set(SharedRecords records, int index, byte[] value) {
      requireRoom(value);
      int at = at(records, index);
      ByteBuffer bytes = records.bytes().put(at, value);
      for (int i = value.length; i < size(); i++) {
        bytes.put(at + i, (byte) 0);
      }
    }

    private void requireRoom(byte[] value) {
      if (value.length > size()) {
        throw new IllegalArgumentException(value.length + " bytes are too many for " + this);
      }
    }
  }

  /**
   * The fields of a new layout.
   *
   * <p>Not thread-safe.
   */
  public static final class Builder {
    private enum Type {
      BYTE,
      INT,
      LONG,
      DOUBLE,
      BYTES
    }

    private record Added(Type type, String name, int offset, int size) {}

    private final List<Added> fields = new ArrayList<>();
    private int end;
    private int alignment = 1;

    private Builder() {}

    /**
     * Adds a field of one byte.
     *
     * @param name the name of the field: not empty, and not the name of another field
     * @return this builder
     * @throws IllegalArgumentException if the name is not as above, or the record would have more
     *     than 2147483640 bytes
     */
    public Builder addByte(String name) {
      return add(Type.BYTE, name, Byte.BYTES, Byte.BYTES);
    }

    /**
     * Adds a field of 4 bytes, at a multiple of 4 bytes.
     *
     * @param name the name of the field: not empty, and not the name of another field
     * @return this builder
     * @throws IllegalArgumentException if the name is not as above, or the record would have more
     *     than 2147483640 bytes
     */
    public Builder addInt(String name) {
      return add(Type.INT, name, Integer.BYTES, Integer.BYTES);
    }

    /**
     * Adds a field of 8 bytes, at a multiple of 8 bytes.
     *
     * @param name the name of the field: not empty, and not the name of another field
     * @return this builder
     * @throws IllegalArgumentException if the name is not as above, or the record would have more
     *     than 2147483640 bytes
     */
    public Builder addLong(String name) {
      return add(Type.LONG, name, Long.BYTES, Long.BYTES);
    }

    /**
     * Adds a field of 8 bytes for a floating-point number, at a multiple of 8 bytes.
     *
     * @param name the name of the field: not empty, and not the name of another field
     * @return this builder
     * @throws IllegalArgumentException if the name is not as above, or the record would have more
     *     than 2147483640 bytes
     */
    public Builder addDouble(String name) {
      return add(Type.DOUBLE, name, Double.BYTES, Double.BYTES);
    }

    /**
     * Adds a field of a given number of bytes.
     *
     * @param name the name of the field: not empty, and not the name of another field
     * @param length the length of the field in bytes, at least 1
     * @return this builder
     * @throws IllegalArgumentException if the name or the length is not as above, or the record
     *     would have more than 2147483640 bytes
     */
    public Builder addBytes(String name, int length) {
      Validate.isTrue(length >= 1, "a field has at least 1 byte, not %s", length);
      return add(Type.BYTES, name, length, 1);
    }

    private Builder add(Type type, String name, int size, int multiple) {
      Validate.isTrue(
          !name.isEmpty() && fields.stream().noneMatch(each -> each.name.equals(name)),
          "a field needs a unique name that is not empty, not '%s'",
          name);
      long offset = up(end, multiple);
      int larger = Math.max(alignment, multiple);
      Validate.isTrue(
          up(offset + size, larger) <= Integer.MAX_VALUE,
          "no record has more than 2147483640 bytes");
      fields.add(new Added(type, name, (int) offset, size));
      end = (int) offset + size;
      alignment = larger;
      return this;
    }

    /**
     * Creates the layout. The builder may be used again; this does not change earlier layouts.
     *
     * @return a new layout
     * @throws IllegalStateException if no field was added
     */
    public RecordLayout build() {
      Validate.validState(!fields.isEmpty(), "a record needs a field");
      return new RecordLayout(fields, (int) up(end, alignment), alignment);
    }

    private static long up(long offset, int multiple) {
      return (offset + multiple - 1) / multiple * multiple;
    }
  }
}
