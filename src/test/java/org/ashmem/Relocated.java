// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * Loads the library's classes once more, under other package names, as Maven's shade plugin
 * relocates them: the name of the package changes wherever a class file has it, also in strings.
 */
final class Relocated extends ClassLoader {
  private static final String PACKAGE = "org.ashmem";

  private final List<String> packages;
  private final Set<String> resources = ConcurrentHashMap.newKeySet();

  /** The packages take the place of org.ashmem. If org.ashmem is one of them, it is a copy. */
  Relocated(String... packages) {
    super(Relocated.class.getClassLoader());
    this.packages = List.of(packages);
  }

  /** Loads a class by the simple name that it has in org.ashmem. */
  Class<?> load(String to, String simpleName) throws ClassNotFoundException {
    return Class.forName(to + "." + simpleName, false, this);
  }

  @Override
  protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
    synchronized (getClassLoadingLock(name)) {
      String to = target(name);
      if (to == null) {
        return super.loadClass(name, resolve);
      }
      Class<?> loaded = findLoadedClass(name);
      return loaded != null ? loaded : define(name, to);
    }
  }

  private Class<?> define(String name, String to) throws ClassNotFoundException {
    String original = (PACKAGE + name.substring(to.length())).replace('.', '/') + ".class";
    try (InputStream in = getParent().getResourceAsStream(original)) {
      if (in == null) {
        throw new ClassNotFoundException(name);
      }
      byte[] relocated = relocate(in.readAllBytes(), to);
      return defineClass(name, relocated, 0, relocated.length);
    } catch (IOException e) {
      throw new ClassNotFoundException(name, e);
    }
  }

  /** Returns the names of the resources that the library has read. */
  Set<String> resources() {
    return resources;
  }

  @Override
  public @Nullable InputStream getResourceAsStream(String name) {
    resources.add(name);
    String to = target(name.replace('/', '.'));
    return super.getResourceAsStream(
        to == null ? name : PACKAGE.replace('.', '/') + name.substring(to.length()));
  }

  private @Nullable String target(String name) {
    return packages.stream().filter(each -> name.startsWith(each + ".")).findFirst().orElse(null);
  }

  /** Replaces the package in every text of the constant pool. */
  private static byte[] relocate(byte[] classFile, String to) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (DataInputStream in = new DataInputStream(new ByteArrayInputStream(classFile));
        DataOutputStream out = new DataOutputStream(bytes)) {
      out.writeLong(in.readLong()); // magic number and version
      int count = in.readUnsignedShort();
      out.writeShort(count);
      for (int i = 1; i < count; i++) {
        int tag = in.readUnsignedByte();
        out.writeByte(tag);
        switch (tag) {
          case 1 ->
              out.writeUTF(
                  in.readUTF()
                      .replace(PACKAGE, to)
                      .replace(PACKAGE.replace('.', '/'), to.replace('.', '/')));
          case 5, 6 -> { // long and double take two entries
            out.writeLong(in.readLong());
            i++;
          }
          case 7, 8, 16, 19, 20 -> out.writeShort(in.readUnsignedShort());
          case 15 -> out.write(in.readNBytes(3));
          case 3, 4, 9, 10, 11, 12, 17, 18 -> out.writeInt(in.readInt());
          default -> throw new IOException("constant of the unknown kind " + tag);
        }
      }
      in.transferTo(out);
    }
    return bytes.toByteArray();
  }
}
