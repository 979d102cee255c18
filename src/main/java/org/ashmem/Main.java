// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import java.io.IOException;
import java.io.PrintStream;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.CodeSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The program of the jar: {@code java -jar ashmem-VERSION.jar}. It prints what {@link Doctor}
 * finds, and what {@link Demonstration} sees.
 *
 * <p>{@code java -jar} uses no class path, so Commons Lang is missing at first. This class, {@link
 * Doctor} and {@link Finding} do without it. If its jar lies where it usually does, everything
 * starts once more with it.
 */
final class Main {
  /** Regions work. */
  static final int USABLE = 0;

  /** No region can be created, or a region lost bytes without a report. */
  static final int UNUSABLE = 1;

  /** An argument is wrong. */
  static final int USAGE = 2;

  private static final String HELP =
      """
      usage: java -jar ashmem-VERSION.jar [--json] [--purge] [--help]

      Prints what this machine and container offer to ashmem, and what to do about what is missing.
      Then creates a region, unpins it, purges it and pins it again.

        --json   prints one JSON object instead of text
        --purge  lets the demonstration purge on the device. That purges the unpinned memory of
                 the whole machine, and needs CAP_SYS_ADMIN. On memfd it purges its own memory
        --help   prints this text

      Java's option -Dorg.ashmem.backend=memfd or device selects the backend.

      Exit status: 0 if regions work; 1 if none can be created, or one lost bytes without a report;
      2 if an argument is wrong. A line that begins with "lacks" does not change the status.
      """;

  private Main() {}

  public static void main(String[] args) throws ReflectiveOperationException, IOException {
    Path library = Doctor.hasCommonsLang() ? null : findCommonsLang().orElse(null);
    System.exit(library == null ? run(args, System.out) : runWith(library, args));
  }

  /** Runs {@link #run} in a class loader of its own, with a library beside this jar. */
  private static int runWith(Path library, String[] args)
      throws ReflectiveOperationException, IOException {
    URL[] jars = {
      Main.class.getProtectionDomain().getCodeSource().getLocation(), library.toUri().toURL()
    };
    try (URLClassLoader loader = new URLClassLoader(jars, ClassLoader.getPlatformClassLoader())) {
      Method run =
          loader
              .loadClass(Main.class.getName())
              .getDeclaredMethod("run", String[].class, PrintStream.class);
      run.setAccessible(true);
      return (int) run.invoke(null, args, System.out);
    } catch (InvocationTargetException e) {
      if (e.getCause() instanceof Error error) {
        throw error;
      }
      throw e;
    }
  }

  static int run(String[] args, PrintStream out) {
    List<String> unknown = new ArrayList<>(List.of(args));
    unknown.removeAll(List.of("--json", "--purge", "--help"));
    if (!unknown.isEmpty()) {
      out.println("unknown: " + String.join(" ", unknown) + "\n");
      out.print(HELP);
      return USAGE;
    }
    List<String> options = List.of(args);
    if (options.contains("--help")) {
      out.print(HELP);
      return USABLE;
    }
    Report report = new Report(new Doctor(Path.of("/")).examine());
    if (report.isUsable()) {
      report.add(Demonstration.run(options.contains("--purge")));
    }
    out.print(options.contains("--json") ? report.json() : report.text());
    out.flush();
    return report.isUsable() ? USABLE : UNUSABLE;
  }

  /** Looks for the jar of Commons Lang of the version that this jar was built with. */
  private static Optional<Path> findCommonsLang() throws IOException {
    CodeSource source = Main.class.getProtectionDomain().getCodeSource();
    if (source == null) {
      return Optional.empty();
    }
    String version = Doctor.versions().getProperty("commons-lang3", "unknown");
    String name = "commons-lang3-" + version + ".jar";
    Path folder;
    try {
      URI location = source.getLocation().toURI();
      folder = Path.of(location).toAbsolutePath().getParent();
    } catch (URISyntaxException | IllegalArgumentException e) {
      return Optional.empty();
    }
    if (folder == null) {
      return Optional.empty();
    }
    return List.of(
            folder.resolve(name),
            // what vagrant/provision.sh installs
            folder.resolve("ashmem").resolve(name),
            // the build's folder
            folder.resolve("test-lib").resolve(name),
            // a repository of Maven
            folder.resolve("../../../apache/commons/commons-lang3").resolve(version).resolve(name))
        .stream()
        .filter(Files::isRegularFile)
        .findFirst();
  }
}
