// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache.bench.container;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.util.concurrent.TimeUnit;

/**
 * The two other processes in the container: one takes 200 MiB, holds them for three seconds, frees
 * them, and takes them again after three seconds; one reads a file.
 */
final class Neighbours implements AutoCloseable {
  private static final String MIB = "200";
  private static final String SECONDS = "3";
  private static final String FILE_MIB = "1024";

  private final Process taker;
  private final Process reader;
  private volatile int second;

  Neighbours(String program, int first, String file, String rate) throws IOException {
    taker = start(program, "take", MIB, Integer.toString(first), SECONDS, SECONDS);
    reader = start(program, "stream", file, FILE_MIB, rate);
    Thread printer = new Thread(this::print, "neighbour");
    printer.setDaemon(true);
    printer.start();
  }

  private static Process start(String... command) throws IOException {
    return new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
  }

  private void print() {
    try (BufferedReader lines =
        new BufferedReader(new InputStreamReader(taker.getInputStream(), UTF_8))) {
      for (String line; (line = lines.readLine()) != null; ) {
        System.out.printf("took\t%d\t%s%n", second, line);
      }
    } catch (IOException e) {
      // The process was ended.
    }
  }

  /** Waits until a time of the clock in nanoseconds. Was one of the two killed before? */
  boolean wasKilledBefore(long time, int number) throws InterruptedException {
    second = number;
    boolean killed = taker.waitFor(time - System.nanoTime(), TimeUnit.NANOSECONDS);
    if (killed || !reader.isAlive()) {
      System.out.println("killed\t" + (killed ? "the neighbour" : "the reader of the file"));
      return true;
    }
    return false;
  }

  @Override
  public void close() {
    taker.destroyForcibly();
    reader.destroyForcibly();
  }
}
