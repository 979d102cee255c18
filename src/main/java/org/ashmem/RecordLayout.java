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

/**
 * What a record of {@link SharedRecords} is made of: fields, each with a name, in the order in
 * which they were added. A layout and its fields are made once, as constants; a field is then read
 * and written by the index of a record.
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
 * <p>A record is what a C compiler makes of the same fields on x86_64 and aarch64: each is at the
 * next multiple of its size (of 1 for bytes), the record's size is a multiple of the largest of
 * them, and numbers are in the machine's own byte order. The above is
 *
 * <pre>{@code
 * struct tile {
 *   int32_t state;   // at 0
 *   int64_t hits;    // at 8
 *   char name[20];   // at 16
 * };                 // 40 bytes
 * }</pre>
 *
 * <p>No access allocates or calls into the kernel, but {@link BytesField#get(SharedRecords, int)},
 * which returns a new array. Each throws IndexOutOfBoundsException if the index is not from 0 to
 * {@link SharedRecords#length} - 1, and IllegalArgumentException if the records are of another
 * layout; each that writes throws {@link ReadOnlyBufferException} if their mapping is read-only.
 * What a method's name says of order is what {@link VarHandle} means by it, between processes too:
 * {@code get} and {@code set} are for what only one thread uses, or what a volatile access to
 * another field publishes.
 *
 * <p>Safe for use by many threads; its builder is not.
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
   * Begins a layout.
   *
   * @return a builder without a field
   */
  public static Builder builder() {
    return new Builder();
  }

  /**
   * Returns how far records are apart.
   *
   * @return the size of a record in bytes, at least 1, a multiple of {@link #alignment()}
   */
  public int size() {
    return size;
  }

  /**
   * Returns at which bytes of a region records may begin.
   *
   * @return the number that these are a multiple of: 1, 4 or 8
   */
  public int alignment() {
    return alignment;
  }

  /**
   * Returns the fields.
   *
   * @return a list that cannot be modified, in the order in which they were added
   */
  public List<Field> fields() {
    return List.copyOf(fields.values());
  }

  /**
   * Returns a field that was added by {@link Builder#addByte}.
   *
   * @param name its name
   * @return the field
   * @throws IllegalArgumentException if there is none of that name and type
   */
  public ByteField byteField(String name) {
    return field(name, ByteField.class);
  }

  /**
   * Returns a field that was added by {@link Builder#addInt}.
   *
   * @param name its name
   * @return the field
   * @throws IllegalArgumentException if there is none of that name and type
   */
  public IntField intField(String name) {
    return field(name, IntField.class);
  }

  /**
   * Returns a field that was added by {@link Builder#addLong}.
   *
   * @param name its name
   * @return the field
   * @throws IllegalArgumentException if there is none of that name and type
   */
  public LongField longField(String name) {
    return field(name, LongField.class);
  }

  /**
   * Returns a field that was added by {@link Builder#addDouble}.
   *
   * @param name its name
   * @return the field
   * @throws IllegalArgumentException if there is none of that name and type
   */
  public DoubleField doubleField(String name) {
    return field(name, DoubleField.class);
  }

  /**
   * Returns a field that was added by {@link Builder#addBytes}.
   *
   * @param name its name
   * @return the field
   * @throws IllegalArgumentException if there is none of that name and type
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
     * Returns where in a record the field is.
     *
     * @return the offset in bytes, from 0
     */
    public int offset() {
      return offset;
    }

    /**
     * Returns how long the field is.
     *
     * @return the size in bytes, at least 1
     */
    public int size() {
      return size;
    }

    /** Where the field of a record is in the records' bytes. */
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
     * Reads the field as an ordinary variable is read.
     *
     * @param records the records
     * @param index which one
     * @return the field's value
     */
    public byte get(SharedRecords records, int index) {
      return records.bytes().get(at(records, index));
    }

    /**
     * Writes the field as an ordinary variable is written.
     *
     * @param records the records
     * @param index which one
     * @param value the field's new value
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
     * Reads the field as an ordinary variable is read.
     *
     * @param records the records
     * @param index which one
     * @return the field's value
     */
    public int get(SharedRecords records, int index) {
      return (int) INTS.get(records.bytes(), at(records, index));
    }

    /**
     * Writes the field as an ordinary variable is written.
     *
     * @param records the records
     * @param index which one
     * @param value the field's new value
     */
    public void set(SharedRecords records, int index, int value) {
      INTS.set(records.bytes(), at(records, index), value);
    }

    /**
     * Reads the field as a volatile variable is read.
     *
     * @param records the records
     * @param index which one
     * @return the field's value
     */
    public int getVolatile(SharedRecords records, int index) {
      return (int) INTS.getVolatile(records.bytes(), at(records, index));
    }

    /**
     * Writes the field as a volatile variable is written.
     *
     * @param records the records
     * @param index which one
     * @param value the field's new value
     */
    public void setVolatile(SharedRecords records, int index, int value) {
      INTS.setVolatile(records.bytes(), at(records, index), value);
    }

    /**
     * Writes the field if it has the value that is expected, in one step, as a volatile variable.
     *
     * @param records the records
     * @param index which one
     * @param expected the value that the field must have
     * @param value the field's new value
     * @return true if it had, and was written
     */
    public boolean compareAndSet(SharedRecords records, int index, int expected, int value) {
      return INTS.compareAndSet(records.bytes(), at(records, index), expected, value);
    }

    /**
     * Adds to the field, in one step, as to a volatile variable. The sum wraps around.
     *
     * @param records the records
     * @param index which one
     * @param delta what to add
     * @return the value that the field had before
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
     * Reads the field as an ordinary variable is read.
     *
     * @param records the records
     * @param index which one
     * @return the field's value
     */
    public long get(SharedRecords records, int index) {
      return (long) LONGS.get(records.bytes(), at(records, index));
    }

    /**
     * Writes the field as an ordinary variable is written.
     *
     * @param records the records
     * @param index which one
     * @param value the field's new value
     */
    public void set(SharedRecords records, int index, long value) {
      LONGS.set(records.bytes(), at(records, index), value);
    }

    /**
     * Reads the field as a volatile variable is read.
     *
     * @param records the records
     * @param index which one
     * @return the field's value
     */
    public long getVolatile(SharedRecords records, int index) {
      return (long) LONGS.getVolatile(records.bytes(), at(records, index));
    }

    /**
     * Writes the field as a volatile variable is written.
     *
     * @param records the records
     * @param index which one
     * @param value the field's new value
     */
    public void setVolatile(SharedRecords records, int index, long value) {
      LONGS.setVolatile(records.bytes(), at(records, index), value);
    }

    /**
     * Writes the field if it has the value that is expected, in one step, as a volatile variable.
     *
     * @param records the records
     * @param index which one
     * @param expected the value that the field must have
     * @param value the field's new value
     * @return true if it had, and was written
     */
    public boolean compareAndSet(SharedRecords records, int index, long expected, long value) {
      return LONGS.compareAndSet(records.bytes(), at(records, index), expected, value);
    }

    /**
     * Adds to the field, in one step, as to a volatile variable. The sum wraps around.
     *
     * @param records the records
     * @param index which one
     * @param delta what to add
     * @return the value that the field had before
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
     * Reads the field as an ordinary variable is read.
     *
     * @param records the records
     * @param index which one
     * @return the field's value
     */
    public double get(SharedRecords records, int index) {
      return (double) DOUBLES.get(records.bytes(), at(records, index));
    }

    /**
     * Writes the field as an ordinary variable is written.
     *
     * @param records the records
     * @param index which one
     * @param value the field's new value
     */
    public void set(SharedRecords records, int index, double value) {
      DOUBLES.set(records.bytes(), at(records, index), value);
    }
  }

  /** A field of a fixed number of bytes: C's {@code char[]}. It is not read or written at once. */
  public static final class BytesField extends Field {
    private BytesField(RecordLayout layout, Builder.Added added) {
      super(layout, added);
    }

    /**
     * Copies the field's bytes.
     *
     * @param records the records
     * @param index which one
     * @return a new array of {@link #size()} bytes
     */
    public byte[] get(SharedRecords records, int index) {
      byte[] value = new byte[size()];
      get(records, index, value);
      return value;
    }

    /**
     * Copies the field's first bytes.
     *
     * @param records the records
     * @param index which one
     * @param destination what to fill: at most {@link #size()} bytes
     * @throws IllegalArgumentException if it is longer; nothing is copied then
     */
    public void get(SharedRecords records, int index, byte[] destination) {
      requireRoom(destination);
      ByteBuffer unused = records.bytes().get(at(records, index), destination);
    }

    /**
     * Writes the field's first bytes, and zeros to the rest.
     *
     * @param records the records
     * @param index which one
     * @param value at most {@link #size()} bytes
     * @throws IllegalArgumentException if it is longer; nothing is written then
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
   * <p>Not safe for use by many threads.
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
     * @param name what to call it: not empty, and not as another field
     * @return this builder
     * @throws IllegalArgumentException if the name is not as above, or the record has more than
     *     2147483640 bytes
     */
    public Builder addByte(String name) {
      return add(Type.BYTE, name, Byte.BYTES, Byte.BYTES);
    }

    /**
     * Adds a field of 4 bytes, which is at a multiple of 4.
     *
     * @param name what to call it: not empty, and not as another field
     * @return this builder
     * @throws IllegalArgumentException if the name is not as above, or the record has more than
     *     2147483640 bytes
     */
    public Builder addInt(String name) {
      return add(Type.INT, name, Integer.BYTES, Integer.BYTES);
    }

    /**
     * Adds a field of 8 bytes, which is at a multiple of 8.
     *
     * @param name what to call it: not empty, and not as another field
     * @return this builder
     * @throws IllegalArgumentException if the name is not as above, or the record has more than
     *     2147483640 bytes
     */
    public Builder addLong(String name) {
      return add(Type.LONG, name, Long.BYTES, Long.BYTES);
    }

    /**
     * Adds a field of 8 bytes for a floating-point number, which is at a multiple of 8.
     *
     * @param name what to call it: not empty, and not as another field
     * @return this builder
     * @throws IllegalArgumentException if the name is not as above, or the record has more than
     *     2147483640 bytes
     */
    public Builder addDouble(String name) {
      return add(Type.DOUBLE, name, Double.BYTES, Double.BYTES);
    }

    /**
     * Adds a field of so many bytes.
     *
     * @param name what to call it: not empty, and not as another field
     * @param length the field's length in bytes, at least 1
     * @return this builder
     * @throws IllegalArgumentException if the name or the length is not as above, or the record has
     *     more than 2147483640 bytes
     */
    public Builder addBytes(String name, int length) {
      if (length < 1) {
        throw new IllegalArgumentException("a field has at least 1 byte, not " + length);
      }
      return add(Type.BYTES, name, length, 1);
    }

    private Builder add(Type type, String name, int size, int multiple) {
      if (name.isEmpty() || fields.stream().anyMatch(each -> each.name.equals(name))) {
        throw new IllegalArgumentException(
            "each field has a name of its own, which '" + name + "' is not");
      }
      long offset = up(end, multiple);
      int larger = Math.max(alignment, multiple);
      if (up(offset + size, larger) > Integer.MAX_VALUE) {
        throw new IllegalArgumentException("no record has more than 2147483640 bytes");
      }
      fields.add(new Added(type, name, (int) offset, size));
      end = (int) offset + size;
      alignment = larger;
      return this;
    }

    /**
     * Makes the layout. The builder may go on; layouts that it made stay as they are.
     *
     * @return a new layout
     * @throws IllegalStateException if no field was added
     */
    public RecordLayout build() {
      if (fields.isEmpty()) {
        throw new IllegalStateException("a record needs a field");
      }
      return new RecordLayout(fields, (int) up(end, alignment), alignment);
    }

    private static long up(long offset, int multiple) {
      return (offset + multiple - 1) / multiple * multiple;
    }
  }
}
