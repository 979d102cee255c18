// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.channels.SeekableByteChannel;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import java.util.Set;
import java.util.zip.CRC32;
import org.apache.commons.lang3.ArchUtils;
import org.apache.commons.lang3.StringUtils;
import org.apache.commons.lang3.arch.Processor;
import org.jspecify.annotations.Nullable;

/**
 * Finds and loads the native library of {@link Shim}.
 *
 * <p>If the property {@value #LIBRARY} is set, it names the file to load, and nothing else is
 * tried. Otherwise the library in the jar is unpacked to {@value #TMPDIR}, or to java.io.tmpdir,
 * loaded, and deleted. No copy stays behind that could become stale or be replaced. If that fails,
 * java.library.path is searched. If that fails too, one error lists all attempts.
 */
final class NativeLibrary {
  static final String LIBRARY = "org.ashmem.library";
  static final String TMPDIR = "org.ashmem.tmpdir";

  private static final String NAME = "ashmem";

  private NativeLibrary() {}

  /** Loads the library. Returns the error if that fails, otherwise null. */
  static @Nullable UnsatisfiedLinkError tryToLoad() {
    try {
      load(System.getProperties());
      return null;
    } catch (UnsatisfiedLinkError e) {
      return e;
    }
  }

  /**
   * Loads the library.
   *
   * @throws UnsatisfiedLinkError if that fails, whatever the cause is
   */
  static void load(Properties properties) {
    String version = version();
    String directory =
        properties.getProperty(TMPDIR, properties.getProperty("java.io.tmpdir", "/tmp"));
    String library = properties.getProperty(LIBRARY);
    List<Attempt> attempts = new ArrayList<>();
    // A RuntimeException, too, is a reason to report: Java may forbid native access, and a name
    // may have characters that the locale cannot express.
    if (library != null) {
      try {
        loadNamed(Path.of(library).toAbsolutePath(), version, directory);
        return;
      } catch (IOException | RuntimeException | UnsatisfiedLinkError e) {
        attempts.add(new Attempt(library + " (named by the property " + LIBRARY + ")", e));
      }
      throw error(version, attempts);
    }
    try {
      loadUnpacked(resource(platform(properties)), version, directory);
      return;
    } catch (IOException | RuntimeException | UnsatisfiedLinkError e) {
      attempts.add(new Attempt("the copy in the jar, unpacked to " + directory, e));
    }
    try {
      bind(new Handover(), version, null);
      return;
    } catch (RuntimeException | UnsatisfiedLinkError e) {
      attempts.add(new Attempt(System.mapLibraryName(NAME) + " in java.library.path", e));
    }
    throw error(version, attempts);
  }

  /** Returns the name of the platform's folder in the jar: linux-x86_64 or linux-aarch64. */
  static String platform(Properties properties) {
    String os = properties.getProperty("os.name", "unknown");
    String arch = properties.getProperty("os.arch", "unknown");
    Processor processor = ArchUtils.getProcessor(arch);
    boolean x86 = processor != null && processor.isX86() && processor.is64Bit();
    return StringUtils.toRootLowerCase(os + "-" + (x86 ? "x86_64" : arch));
  }

  /**
   * Returns the library's name, relative to this package: a build that moves the package moves the
   * library with it, so that two versions fit into one jar.
   */
  static String resource(String platform) {
    return "native/" + platform + "/" + System.mapLibraryName(NAME);
  }

  private static String inJar(String resource) {
    return NativeLibrary.class.getPackageName().replace('.', '/') + "/" + resource;
  }

  /** Returns a file name whose version and checksum identify the library in a core dump. */
  static String copyName(String version, byte[] content, long unique) {
    CRC32 checksum = new CRC32();
    checksum.update(content);
    return "lib"
        + NAME
        + "-"
        + version
        + "-"
        + Long.toHexString(checksum.getValue())
        + "-"
        + Long.toHexString(unique)
        + ".so";
  }

  static String version() {
    Properties properties = new Properties();
    try (InputStream in = NativeLibrary.class.getResourceAsStream("version.properties")) {
      if (in == null) {
        throw new IOException("org/ashmem/version.properties is missing from the jar");
      }
      properties.load(in);
    } catch (IOException e) {
      throw (UnsatisfiedLinkError) new UnsatisfiedLinkError(e.getMessage()).initCause(e);
    }
    return properties.getProperty("version", "unknown");
  }

  /**
   * Loads the file that the property names, or a copy of the file. The JVM loads a file for one
   * class loader only, and only for the first class that loads it there.
   */
  private static void loadNamed(Path file, String version, String directory) throws IOException {
    Handover handover = new Handover();
    try {
      bind(handover, version, file);
    } catch (UnsatisfiedLinkError e) {
      if (!handover.isTaken(e)) {
        throw e;
      }
      loadCopy(Files.readAllBytes(file), version, directory);
    }
  }

  private static void loadUnpacked(String resource, String version, String directory)
      throws IOException {
    byte[] content;
    try (InputStream in = NativeLibrary.class.getResourceAsStream(resource)) {
      if (in == null) {
        throw new IOException("the jar has no " + inJar(resource));
      }
      content = in.readAllBytes();
    }
    loadCopy(content, version, directory);
  }

  private static void loadCopy(byte[] content, String version, String directory)
      throws IOException {
    Path copy = unpack(Path.of(directory), version, content);
    try {
      bind(new Handover(), version, copy.toAbsolutePath());
    } finally {
      Files.delete(copy);
    }
  }

  /** Loads a file, or the library that java.library.path has, and binds it to {@link Shim}. */
  @SuppressWarnings("restricted") // loading a native library is the purpose of this class
  private static void bind(Handover handover, String version, @Nullable Path file) {
    Thread thread = Thread.currentThread();
    Thread.UncaughtExceptionHandler before = thread.getUncaughtExceptionHandler();
    thread.setUncaughtExceptionHandler(handover);
    try {
      if (file != null) {
        System.load(file.toString());
      } else {
        System.loadLibrary(NAME);
      }
      handover.loaded = true;
    } finally {
      // A thread without a handler of its own returns its group.
      thread.setUncaughtExceptionHandler(before instanceof ThreadGroup ? null : before);
    }
    check(version);
  }

  /**
   * Writes the library to a new file. Only this user can write to the file, because all users may
   * share the directory. Files.createTempFile would load fifty classes of cryptography at every
   * start.
   */
  private static Path unpack(Path directory, String version, byte[] content) throws IOException {
    while (true) {
      Path copy = directory.resolve(copyName(version, content, System.nanoTime()));
      try (SeekableByteChannel channel =
          Files.newByteChannel(
              copy,
              Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE),
              PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")))) {
        ByteBuffer rest = ByteBuffer.wrap(content);
        while (rest.hasRemaining()) {
          channel.write(rest);
        }
        return copy;
      } catch (FileAlreadyExistsException e) {
        // Another process or thread chose the same name: try another one.
      } catch (IOException e) {
        Files.deleteIfExists(copy);
        throw e;
      }
    }
  }

  /** Refuses a library of another version: its functions may have other parameters. */
  private static void check(String version) {
    String found;
    try {
      found = Shim.version();
    } catch (UnsatisfiedLinkError e) {
      throw (UnsatisfiedLinkError)
          new UnsatisfiedLinkError("it is not the library of org.ashmem").initCause(e);
    }
    if (!found.equals(version)) {
      throw new UnsatisfiedLinkError("it is of version " + found + ", not " + version);
    }
  }

  private static UnsatisfiedLinkError error(String version, List<Attempt> attempts) {
    StringBuilder message =
        new StringBuilder("cannot load the native library of ashmem ").append(version);
    for (Attempt attempt : attempts) {
      message.append("\n  tried ").append(attempt.what()).append(": ").append(reason(attempt));
    }
    if (attempts.stream().anyMatch(each -> each.failure() instanceof IllegalCallerException)) {
      Module module = NativeLibrary.class.getModule();
      message
          .append("\nJava forbids native access: start it with --enable-native-access=")
          .append(module.isNamed() ? module.getName() : "ALL-UNNAMED")
          .append('.');
    }
    if (attempts.stream().anyMatch(each -> each.failure() instanceof InvalidPathException)) {
      message
          .append("\nThe locale's character set, ")
          .append(System.getProperty("sun.jnu.encoding"))
          .append(", cannot express a name: start Java with LC_ALL=C.UTF-8,\n")
          .append("or name a directory of ASCII characters by -D")
          .append(TMPDIR)
          .append("=DIRECTORY.");
    }
    message
        .append("\nIf the directory is mounted noexec or cannot be written, name another by -D")
        .append(TMPDIR)
        .append("=DIRECTORY,\nor name the library itself by -D")
        .append(LIBRARY)
        .append("=FILE (it is in the jar, as ")
        .append(inJar(resource(platform(System.getProperties()))))
        .append(").");
    UnsatisfiedLinkError error = new UnsatisfiedLinkError(message.toString());
    attempts.forEach(attempt -> error.addSuppressed(attempt.failure()));
    return error;
  }

  private static String reason(Attempt attempt) {
    @Nullable String message = attempt.failure().getMessage();
    return attempt.failure() instanceof UnsatisfiedLinkError && message != null
        ? message
        : attempt.failure().toString();
  }

  /**
   * Hands {@link Shim} over to the library that is being loaded. The library cannot look the class
   * up by name, because a build may have moved this package. The library takes this object from the
   * thread that loads it.
   */
  private static final class Handover implements Thread.UncaughtExceptionHandler {
    /** Whether the JVM loaded the library. */
    private boolean loaded;

    /** Whether the library asked for the class. */
    private boolean taken;

    /** Called by the library. */
    @SuppressWarnings("UnusedMethod")
    Class<?> shim() {
      taken = true;
      return Shim.class;
    }

    /** Returns whether the error means that the file was loaded before, for another class. */
    boolean isTaken(UnsatisfiedLinkError e) {
      String message = String.valueOf(e.getMessage());
      return loaded ? !taken : message.contains("already loaded in another classloader");
    }

    @Override
    public void uncaughtException(Thread thread, Throwable e) {
      throw new AssertionError("no thread ends while it loads the library", e);
    }
  }

  private record Attempt(String what, Throwable failure) {}
}
