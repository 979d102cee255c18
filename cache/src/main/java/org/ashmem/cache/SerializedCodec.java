// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.io.ObjectStreamClass;
import java.io.Serializable;
import java.io.UncheckedIOException;
import java.lang.reflect.Proxy;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/** A codec for objects by Java's serialization. */
final class SerializedCodec<T extends Serializable> implements Codec<T> {
  private final Class<T> type;
  private final @Nullable ClassLoader loader;

  SerializedCodec(Class<T> type, @Nullable ClassLoader loader) {
    this.type = type;
    this.loader = loader;
  }

  @Override
  public ByteBuffer encode(T value) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (ObjectOutputStream out = new ObjectOutputStream(bytes)) {
      out.writeObject(value);
    } catch (IOException e) {
      throw new UncheckedIOException("a value of " + value.getClass() + " has no bytes", e);
    }
    return ByteBuffer.wrap(bytes.toByteArray());
  }

  @Override
  public T decode(ByteBuffer bytes) {
    ByteArrayInputStream in =
        new ByteArrayInputStream(
            bytes.array(), bytes.arrayOffset() + bytes.position(), bytes.remaining());
    try (ObjectInputStream objects = new Objects(in, loader)) {
      return type.cast(objects.readObject());
    } catch (IOException e) {
      throw new UncheckedIOException("a value of " + type + " cannot be read", e);
    } catch (ClassNotFoundException e) {
      throw new IllegalStateException("a value of " + type + " cannot be read", e);
    }
  }

  /** Objects whose classes a loader finds. */
  private static final class Objects extends ObjectInputStream {
    private final @Nullable ClassLoader loader;

    Objects(InputStream in, @Nullable ClassLoader loader) throws IOException {
      super(in);
      this.loader = loader;
    }

    @Override
    protected Class<?> resolveClass(ObjectStreamClass described)
        throws IOException, ClassNotFoundException {
      try {
        return Class.forName(described.getName(), false, loader);
      } catch (ClassNotFoundException e) {
        return super.resolveClass(described); // a primitive type, or one of another loader
      }
    }

    @Override
    protected Class<?> resolveProxyClass(String[] interfaces)
        throws IOException, ClassNotFoundException {
      try {
        Class<?>[] found = new Class<?>[interfaces.length];
        for (int i = 0; i < found.length; i++) {
          found[i] = Class.forName(interfaces[i], false, loader);
        }
        return Proxy.newProxyInstance(loader, found, (proxy, method, arguments) -> null).getClass();
      } catch (ClassNotFoundException | IllegalArgumentException e) {
        return super.resolveProxyClass(interfaces);
      }
    }
  }
}
