// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache.demo;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/**
 * A JVM beside the server, in the same container.
 *
 * <p>Thread-safe.
 */
final class Sibling implements AutoCloseable {
  /** The first Java that warns of what OHC uses, unless told otherwise. */
  private static final int WARNS_OF_UNSAFE = 23;

  private final List<String> command = new ArrayList<>();
  private final Consumer<String> output;
  private final IntConsumer ended;
  private @Nullable Process process;

  /**
   * Makes a sibling that is not started.
   *
   * @param program the class with its main method
   * @param bytes its argument
   * @param output gets each line of its output
   * @param ended gets the exit value of a process that ended by itself or was killed by others
   */
  Sibling(Class<?> program, long bytes, Consumer<String> output, IntConsumer ended) {
    this.output = output;
    this.ended = ended;
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of("-Xmx32m", "-XX:MaxDirectMemorySize=1g", "-XX:+UseSerialGC"));
    command.addAll(List.of("-XX:TieredStopAtLevel=1", "--enable-native-access=ALL-UNNAMED"));
    if (Runtime.version().feature() >= WARNS_OF_UNSAFE) {
      command.add("--sun-misc-unsafe-memory-access=allow");
    }
    command.addAll(List.of("-cp", System.getProperty("java.class.path")));
    command.addAll(List.of(program.getName(), Long.toString(bytes)));
  }

  /**
   * Ends this process when its standard input ends: when the server ends, in whatever way. The OOM
   * killer may choose it, also if the server was exempt when it started this process.
   */
  static void endWithTheParent() {
    boolean unusedScore = Demo.setOomScore(Demo.AS_OTHERS);
    Thread watcher =
        new Thread(
            () -> {
              try {
                System.in.transferTo(java.io.OutputStream.nullOutputStream());
              } catch (IOException e) {
                // the end
              }
              Runtime.getRuntime().halt(0);
            });
    watcher.setDaemon(true);
    watcher.start();
  }

  /** Starts it, if it does not run. Returns whether it did not. */
  synchronized boolean start() throws IOException {
    if (isRunning()) {
      return false;
    }
    Process started =
        new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
    process = started;
    Thread reader = new Thread(() -> follow(started), "sibling");
    reader.setDaemon(true);
    reader.start();
    return true;
  }

  private void follow(Process started) {
    try (BufferedReader lines = started.inputReader(UTF_8)) {
      lines.lines().forEach(output);
      int status = started.waitFor();
      boolean unasked;
      synchronized (this) {
        unasked = process == started;
      }
      if (unasked) {
        ended.accept(status);
      }
    } catch (IOException | java.io.UncheckedIOException | InterruptedException e) {
      started.destroyForcibly();
    }
  }

  /** Ends it. Returns whether it ran. */
  synchronized boolean stop() {
    Process running = process;
    process = null;
    if (running == null || !running.isAlive()) {
      return false;
    }
    running.destroyForcibly();
    return true;
  }

  synchronized boolean isRunning() {
    return process != null && process.isAlive();
  }

  /** Returns the memory that it has, in bytes; 0 if it does not run. */
  synchronized long residentBytes() {
    return process == null ? 0 : residentBytes(process.pid());
  }

  /**
   * Returns the memory that a process has, in bytes; 0 if it has ended. Pages of files do not
   * count, as JVMs share them.
   */
  static long residentBytes(long pid) {
    long bytes = 0;
    try {
      for (String line : Files.readAllLines(Path.of("/proc/" + pid + "/status"))) {
        if (line.startsWith("RssAnon:") || line.startsWith("RssShmem:")) {
          bytes += Long.parseLong(line.replaceAll("\\D", "")) << 10;
        }
      }
    } catch (IOException e) {
      // It has ended.
    }
    return bytes;
  }

  @Override
  public void close() {
    boolean unused = stop();
  }
}
