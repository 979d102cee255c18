// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.junit.jupiter.api.Assertions.assertAll;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.InputStream;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Properties;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class NativeLibraryTest {
  /** Loads the library and prints the page size that it returns. */
  static final class Program {
    private Program() {}

    public static void main(String[] args) {
      try {
        System.out.println("loaded " + AshmemRegion.pageSize());
      } catch (UnsatisfiedLinkError e) {
        System.out.println(e.getMessage());
        System.exit(3);
      }
    }
  }

  /** Uses the library in several ways, each of them twice, and prints what is thrown. */
  static final class Persistent {
    private Persistent() {}

    public static void main(String[] args) {
      for (int i = 0; i < 2; i++) {
        tell(() -> AshmemRegion.create("anything", 1));
        tell(() -> AshmemRegion.builder().size(1).backend(Backend.MEMFD).create());
        tell(() -> AshmemRegion.builder().size(1).backend(Backend.DEVICE).create());
        tell(() -> AshmemRegion.fromFileDescriptor(RegionDescriptor.of(0)));
        tell(AshmemRegion::pageSize);
        tell(() -> Shim.dup(0));
      }
    }

    private static void tell(Runnable use) {
      try {
        use.run();
        System.out.println("nothing was thrown");
      } catch (Throwable e) {
        String[] lines = String.valueOf(e.getMessage()).split("\n", -1);
        System.out.println(
            "threw " + e.getClass().getSimpleName() + " " + String.join("; ", lines));
      }
    }
  }

  @TempDir Path directory;
  private byte[] library;

  @BeforeEach
  void readLibrary() throws Exception {
    String resource = NativeLibrary.resource(NativeLibrary.platform(System.getProperties()));
    try (InputStream in = NativeLibrary.class.getResourceAsStream(resource)) {
      library = in.readAllBytes();
    }
  }

  @ParameterizedTest
  @CsvSource({
    "Linux, amd64, linux-x86_64",
    "Linux, x86_64, linux-x86_64",
    "Linux, aarch64, linux-aarch64",
    "Mac OS X, aarch64, mac os x-aarch64",
  })
  void platformIsNamedLikeTheFoldersInTheJar(String os, String arch, String platform) {
    Properties properties = new Properties();
    properties.setProperty("os.name", os);
    properties.setProperty("os.arch", arch);
    assertEquals(platform, NativeLibrary.platform(properties));
    assertEquals("native/" + platform + "/libashmem.so", NativeLibrary.resource(platform));
  }

  @Test
  void libraryIsOfTheSameVersion() {
    assertTrue(NativeLibrary.version().matches("[0-9]+\\.[0-9]+\\.[0-9]+.*"));
    assertEquals(NativeLibrary.version(), Shim.version());
  }

  @Test
  void unpackedCopyIsNamedByVersionAndContent() {
    String name = NativeLibrary.copyName("1.2.3", library, 0x123);
    assertTrue(name.matches("libashmem-1\\.2\\.3-[0-9a-f]{1,8}-123\\.so"), name);
    library[0]++;
    assertNotEquals(name, NativeLibrary.copyName("1.2.3", library, 0x123));
  }

  @Test
  void unpackedCopyIsLoadedAndDeleted() throws Exception {
    ChildJvm.Result result = run("-Dorg.ashmem.tmpdir=" + directory);

    assertEquals("loaded " + AshmemRegion.pageSize() + "\n", result.output());
    assertEquals(0, result.status());
    try (Stream<Path> left = Files.list(directory)) {
      assertEquals(List.of(), left.toList());
    }
  }

  @Test
  void namedLibraryIsLoaded() throws Exception {
    Path file = Files.write(directory.resolve("elsewhere.so"), library);
    ChildJvm.Result result =
        run("-Dorg.ashmem.library=" + file, "-Dorg.ashmem.tmpdir=" + directory + "/missing");
    assertEquals("loaded " + AshmemRegion.pageSize() + "\n", result.output());
  }

  @Test
  void libraryPathIsSearchedWhenNothingCanBeUnpacked() throws Exception {
    Files.write(directory.resolve(System.mapLibraryName("ashmem")), library);
    ChildJvm.Result result =
        run("-Djava.library.path=" + directory, "-Dorg.ashmem.tmpdir=" + directory + "/missing");
    assertEquals("loaded " + AshmemRegion.pageSize() + "\n", result.output());
  }

  @Test
  void nothingElseIsTriedWhenTheNamedLibraryIsMissing() {
    Path file = directory.resolve("missing.so");
    assertRefused(
        properties(NativeLibrary.LIBRARY, file.toString()),
        file + " (named by the property org.ashmem.library)");
  }

  @Test
  void namedLibraryThatIsCutShortIsRefused() throws Exception {
    Path file = Files.write(directory.resolve("cut.so"), Arrays.copyOf(library, 60));
    assertRefused(properties(NativeLibrary.LIBRARY, file.toString()), file.toString());
  }

  @Test
  void libraryOfAnotherVersionIsRefused() throws Exception {
    String version = NativeLibrary.version();
    String other = "9" + version.substring(1);
    Path file = patched(version + "\0", other + "\0");

    ChildJvm.Result result = run("-Dorg.ashmem.library=" + file);

    assertEquals(3, result.status());
    assertTrue(
        result.output().contains("it is of version " + other + ", not " + version),
        result.output());
  }

  @Test
  void anotherLibraryIsRefused() throws Exception {
    Path file = directory.resolve("another.so");
    ChildJvm.Result linked =
        ChildJvm.run(
            List.of(
                "env",
                "-u",
                "LD_PRELOAD",
                "gcc",
                "-shared",
                "-x",
                "c",
                "-o",
                file.toString(),
                "/dev/null"));
    assertEquals(0, linked.status(), linked.output());

    ChildJvm.Result result = run("-Dorg.ashmem.library=" + file);

    assertEquals(3, result.status());
    assertTrue(result.output().contains("not the library of org.ashmem"), result.output());
  }

  @Test
  void oneErrorTellsEveryAttempt() throws Exception {
    Path notADirectory = Files.createFile(directory.resolve("file"));
    UnsatisfiedLinkError e =
        assertRefused(
            properties(NativeLibrary.TMPDIR, notADirectory.toString()),
            "the copy in the jar, unpacked to " + notADirectory,
            "libashmem.so in java.library.path",
            "noexec");
    assertEquals(2, e.getSuppressed().length);
  }

  @Test
  void platformWithoutALibraryIsNamed() {
    Properties properties = properties("os.arch", "pdp11");
    assertRefused(properties, "the jar has no org/ashmem/native/linux-pdp11/libashmem.so");
  }

  @Test
  void errorIsTheSameEachTime() throws Exception {
    assertEachTimeTheSame(
        run(
            Persistent.class,
            "-Dorg.ashmem.tmpdir=" + directory + "/missing",
            "-Dorg.ashmem.backend=auto"),
        "NoSuchFileException",
        "libashmem.so in java.library.path",
        "-Dorg.ashmem.tmpdir=DIRECTORY");
  }

  @ParameterizedTest
  @ValueSource(strings = {"org.ashmem.tmpdir", "java.io.tmpdir", "org.ashmem.library"})
  void nameThatTheLocaleCannotExpressSaysWhatToDo(String property) throws Exception {
    assertEachTimeTheSame(
        inLocaleC("-D" + property + "=" + directory + "/caf\\303\\251"),
        "InvalidPathException",
        "start Java with LC_ALL=C.UTF-8");
  }

  static void assertEachTimeTheSame(ChildJvm.Result result, String... texts) {
    List<String> thrown =
        result.output().lines().filter(line -> line.startsWith("threw ")).toList();
    assertEquals(12, thrown.size(), result.output());
    assertEquals(1, thrown.stream().distinct().count(), result.output());
    assertTrue(thrown.get(0).startsWith("threw UnsatisfiedLinkError "), result.output());
    for (String text : texts) {
      assertTrue(thrown.get(0).contains(text), result.output());
    }
  }

  private static UnsatisfiedLinkError assertRefused(Properties properties, String... messages) {
    UnsatisfiedLinkError e =
        assertThrows(UnsatisfiedLinkError.class, () -> NativeLibrary.load(properties));
    assertAll(
        Stream.concat(
                Stream.of(messages),
                Stream.of("-Dorg.ashmem.tmpdir=DIRECTORY", "-Dorg.ashmem.library=FILE"))
            .map(text -> () -> assertTrue(e.getMessage().contains(text), e.getMessage())));
    return e;
  }

  private static Properties properties(String key, String value) {
    Properties properties = new Properties();
    properties.putAll(System.getProperties());
    properties.setProperty(key, value);
    return properties;
  }

  /** Copies the library, and replaces a text in it by one of the same length. */
  private Path patched(String from, String to) throws Exception {
    String content = new String(library, ISO_8859_1);
    assertTrue(content.contains(from), from);
    return Files.write(
        directory.resolve("patched.so"), content.replace(from, to).getBytes(ISO_8859_1));
  }

  private static ChildJvm.Result run(String... options) throws Exception {
    return run(Program.class, options);
  }

  private static ChildJvm.Result run(Class<?> program, String... options) throws Exception {
    List<String> all = new ArrayList<>(List.of(options));
    // If an agent measures the coverage of this JVM, it also measures that of the child.
    ManagementFactory.getRuntimeMXBean().getInputArguments().stream()
        .filter(argument -> argument.startsWith("-javaagent:"))
        .forEach(all::add);
    return ChildJvm.run(ChildJvm.command(all, program));
  }

  /** Runs a program in the locale C. The option is in the format of printf. */
  private static ChildJvm.Result inLocaleC(String option) throws Exception {
    List<String> command =
        new ArrayList<>(
            List.of(
                "env",
                "LC_ALL=C",
                "sh",
                "-c",
                "java=$1; shift; exec \"$java\" \"$(printf -- \"$0\")\" \"$@\"",
                option));
    command.addAll(ChildJvm.command(List.of(), Persistent.class));
    return ChildJvm.run(command);
  }
}
