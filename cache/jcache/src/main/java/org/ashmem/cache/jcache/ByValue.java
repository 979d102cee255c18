// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache.jcache;

import java.io.Serializable;
import java.io.UncheckedIOException;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.net.URI;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.util.Set;
import java.util.UUID;
import javax.cache.CacheException;
import org.ashmem.cache.Codec;

/** Java's serialization, with the classes that a class loader finds. Thread-safe. */
final class ByValue<T> implements Codec<T> {
  private static final Set<Class<?>> IMMUTABLE =
      Set.of(
          String.class,
          Boolean.class,
          Byte.class,
          Character.class,
          Short.class,
          Integer.class,
          Long.class,
          Float.class,
          Double.class,
          BigInteger.class,
          BigDecimal.class,
          UUID.class,
          URI.class,
          Instant.class,
          LocalDate.class,
          LocalDateTime.class);

  private final Codec<Serializable> codec;

  ByValue(ClassLoader loader) {
    codec = Codec.serializable(Serializable.class, loader);
  }

  @Override
  public ByteBuffer encode(T object) {
    if (!(object instanceof Serializable serializable)) {
      throw new CacheException(
          object.getClass().getName()
              + " is not serializable; values of such a class need a codec");
    }
    try {
      return codec.encode(serializable);
    } catch (UncheckedIOException e) {
      throw new CacheException("it refers to what is not serializable: " + e.getCause(), e);
    }
  }

  @Override
  @SuppressWarnings("unchecked") // what was encoded
  public T decode(ByteBuffer bytes) {
    return (T) codec.decode(bytes);
  }

  /** Returns a copy of an object, or the object itself if it is immutable. */
  T copy(T object) {
    return IMMUTABLE.contains(object.getClass()) || object instanceof Enum<?>
        ? object
        : decode(encode(object));
  }
}
