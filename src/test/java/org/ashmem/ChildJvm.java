// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.newsclub.net.unix.AFUNIXServerSocket;

/** Starts child processes: JVMs that run a program of the tests, and programs in C. */
final class ChildJvm {
  /**
   * The limit of a child's life in seconds, far more than the slowest guest needs. A child that
   * lives longer is killed, so that the read of its output ends. The timeout of a test is longer,
   * and does not interrupt a read.
   */
  static final int LIMIT = 480;

  /**
   * Takes a descriptor from a process and then executes a command with its new number as the last
   * argument. The arguments are the process, its descriptor and the command. Java closes all
   * descriptors of a child, so the child must take the descriptor itself.
   */
  private static final String TAKE_DESCRIPTOR =
      """
      my ($pid, $fd, @command) = @ARGV;
      my $process = syscall(434, $pid + 0, 0);              # pidfd_open
      die "pidfd_open: $!" if $process < 0;
      my $taken = syscall(438, $process, $fd + 0, 0);       # pidfd_getfd
      die "pidfd_getfd: $!" if $taken < 0;
      open(my $file, '+<&=', $taken) or die "open: $!";
      fcntl($file, 2, 0) or die "fcntl: $!";                # F_SETFD: not closed on exec
      exec { $command[0] } @command, $taken or die "exec: $!";
      """;

  private ChildJvm() {}

  /** Returns the command that runs a class's main method on the class path of this test. */
  static List<String> command(List<String> options, Class<?> main, String... arguments) {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.add("--enable-native-access=ALL-UNNAMED");
    // These options save time on an emulated processor, and memory. Moving the class archive to a
    // random address alone takes ten seconds there.
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

  /** Starts a program that gets a duplicate of a process's descriptor as its last argument. */
  static Process start(long pid, int fd, Class<?> main) throws IOException {
    List<String> command =
        new ArrayList<>(
            List.of("perl", "-e", TAKE_DESCRIPTOR, Long.toString(pid), Integer.toString(fd)));
    command.addAll(command(List.of(), main));
    return start(command);
  }

  /** Starts a command whose standard error is that of this process. */
  static Process start(List<String> command) throws IOException {
    return watch(
        new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start());
  }

  /** Runs a command and waits for its end. */
  static Result run(List<String> command) throws IOException, InterruptedException {
    Process process = watch(new ProcessBuilder(command).redirectErrorStream(true).start());
    try {
      process.getOutputStream().close();
      String output = new String(process.getInputStream().readAllBytes(), UTF_8);
      return new Result(process.waitFor(), output);
    } finally {
      process.destroyForcibly();
    }
  }

  /** Kills a child and waits for its end: then its descriptors and mappings are gone. */
  static void kill(Process child) throws InterruptedException {
    child.destroyForcibly();
    assertEquals(128 + 9, child.waitFor());
  }

  /** Listens at a path, for children that connect within the limit of their lives. */
  static AFUNIXServerSocket listen(Path path) throws IOException {
    AFUNIXServerSocket server = AFUNIXServerSocket.bindOn(path, true);
    server.setSoTimeout(LIMIT * 1000);
    return server;
  }

  /** Compiles a C program, or what the options say, with the compiler of the shim. */
  static Path compile(Path directory, String source, String... options)
      throws IOException, InterruptedException {
    Path file = Files.writeString(directory.resolve("program.c"), source);
    Path program = directory.resolve("program");
    // This JVM may have a sanitizer preloaded, which the compiler must not inherit.
    List<String> command = new ArrayList<>(List.of("env", "-u", "LD_PRELOAD", "gcc"));
    command.addAll(List.of(options));
    command.addAll(List.of("-o", program.toString(), file.toString()));
    Result compiled = run(command);
    assertEquals(0, compiled.status(), compiled.output());
    return program;
  }

  private static Process watch(Process process) {
    CompletableFuture.delayedExecutor(LIMIT, TimeUnit.SECONDS)
        .execute(() -> process.destroyForcibly());
    return process;
  }

  record Result(int status, String output) {}
}
