// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Starts JVMs that run a program of the tests. */
final class ChildJvm {
  private ChildJvm() {}

  /** What a process printed, and its exit status. */
  record Result(int status, String output) {}

  /** Returns the command that runs a class's main method on the class path of this test. */
  static List<String> command(List<String> options, Class<?> main, String... arguments) {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.add("--enable-native-access=ALL-UNNAMED");
    // As in the library's tests: they save time on an emulated processor.
    command.addAll(
        List.of(
            "-XX:+UnlockDiagnosticVMOptions",
            "-XX:ArchiveRelocationMode=0",
            "-XX:TieredStopAtLevel=1",
            "-XX:+UseSerialGC",
            "-Xmx32m"));
    command.addAll(options);
    command.addAll(List.of("-cp", System.getProperty("java.class.path"), main.getName()));
    command.addAll(List.of(arguments));
    return command;
  }

  /** Runs a command and waits for its end. */
  static Result run(List<String> command) throws IOException, InterruptedException {
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String output = new String(process.getInputStream().readAllBytes(), UTF_8);
    return new Result(process.waitFor(), output);
  }

  /** Compiles a library in C, to be preloaded. */
  static Path compile(Path directory, String source) throws IOException, InterruptedException {
    Path file = Files.writeString(directory.resolve("library.c"), source);
    Path library = directory.resolve("library.so");
    Result compiled =
        run(List.of("gcc", "-shared", "-fPIC", "-o", library.toString(), file.toString()));
    assertEquals(0, compiled.status(), compiled.output());
    return library;
  }
}
