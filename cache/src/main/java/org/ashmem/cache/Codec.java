// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache;

import java.io.Serializable;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Makes bytes of a value, and the value again of the bytes. Both methods are called by many threads
 * at once.
 *
 * @param <V> the type of values
 */
public interface Codec<V> {
  /**
   * Returns the bytes of a value: those from the buffer's position to its limit. The cache copies
   * them before {@code put} returns.
   *
   * @param value the value
   * @return the bytes
   */
  ByteBuffer encode(V value);

  /**
   * Returns the value of these bytes.
   *
   * @param bytes a buffer on the heap that holds a copy of exactly the value's bytes. Nobody else
   *     uses it or its array, so that the value may keep both
   * @return the value
   */
  V decode(ByteBuffer bytes);

  /**
   * Returns a codec for byte arrays. Each {@code get} returns a new array.
   *
   * @return the codec
   */
  static Codec<byte[]> bytes() {
    return new Codec<>() {
      @Override
      public ByteBuffer encode(byte[] value) {
        return ByteBuffer.wrap(value);
      }

      @Override
      public byte[] decode(ByteBuffer bytes) {
        byte[] array = bytes.array();
        int first = bytes.arrayOffset() + bytes.position();
        return bytes.remaining() == array.length
            ? array
            : Arrays.copyOfRange(array, first, first + bytes.remaining());
      }
    };
  }

  /**
   * Returns a codec for strings, which are kept in UTF-8. An unpaired surrogate, which UTF-8 cannot
   * hold, becomes a question mark.
   *
   * @return the codec
   */
  static Codec<String> string() {
    return new Codec<>() {
      @Override
      public ByteBuffer encode(String value) {
        return ByteBuffer.wrap(value.getBytes(StandardCharsets.UTF_8));
      }

      @Override
      public String decode(ByteBuffer bytes) {
        return StandardCharsets.UTF_8.decode(bytes).toString();
      }
    };
  }

  /**
   * Returns a codec for buffers: the bytes from the position to the limit are kept. Encoding does
   * not move the buffer's position. Each {@code get} returns a new buffer on the heap.
   *
   * @return the codec
   */
  static Codec<ByteBuffer> buffer() {
    return new Codec<>() {
      @Override
      public ByteBuffer encode(ByteBuffer value) {
        return value.duplicate();
      }

      @Override
      public ByteBuffer decode(ByteBuffer bytes) {
        return bytes;
      }
    };
  }

  /**
   * Returns a codec for objects, by Java's serialization. Only what this process wrote is ever
   * read, so that no foreign data is deserialized.
   *
   * @param type the class of the values; its class loader finds the classes of what they refer to
   * @param <T> the type of values
   * @return the codec. It throws {@link UncheckedIOException} for an object that refers to one that
   *     is not serializable
   */
  static <T extends Serializable> Codec<T> serializable(Class<T> type) {
    return serializable(type, type.getClassLoader());
  }

  /**
   * Returns a codec for objects, by Java's serialization, as {@link #serializable(Class)}.
   *
   * @param type a class or an interface of the values
   * @param loader finds the classes of the values and of what they refer to, or null for the
   *     bootstrap class loader
   * @param <T> the type of values
   * @return the codec
   */
  static <T extends Serializable> Codec<T> serializable(
      Class<T> type, @Nullable ClassLoader loader) {
    return new SerializedCodec<>(type, loader);
  }
}
