// SPDX-License-Identifier: Apache-2.0
package org.ashmem.android;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.stream.Collectors.joining;

import java.io.IOException;
import java.io.InputStream;
import java.lang.reflect.AnnotatedElement;
import java.lang.reflect.Constructor;
import java.lang.reflect.Executable;
import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.Type;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Pattern;

/**
 * The public signatures of Android's classes, and of the classes here, one line for each. The lines
 * do not contain the packages of Android and of this library, so that they can be compared, nor the
 * modifiers {@code synchronized} and {@code native}, which callers do not see.
 *
 * <p>The main method prints the list that is committed.
 */
final class Signatures {
  private static final String LIST = "/android-signatures.txt";

  /** The package of each class. */
  private static final Map<String, String> CLASSES =
      Map.of(
          "SharedMemory", "android.os",
          "MemoryFile", "android.os",
          "ErrnoException", "android.system",
          "OsConstants", "android.system");

  /**
   * What programs with the three other classes use of OsConstants, which has 500 more constants.
   */
  private static final Pattern USED =
      Pattern.compile("OsConstants: .*(class| (PROT|MAP|O)_[A-Z]+| E[A-Z0-9]+| errnoName\\(.*)");

  private static final Pattern PACKAGES =
      Pattern.compile("\\b(android\\.os|android\\.system|org\\.ashmem\\.android|java\\.lang)\\.");

  private static final int VISIBLE =
      Modifier.PUBLIC | Modifier.PROTECTED | Modifier.STATIC | Modifier.FINAL | Modifier.ABSTRACT;

  private Signatures() {}

  /** Prints the list. Each argument is an API level, an equals sign and the path of its jar. */
  public static void main(String[] arguments) throws Exception {
    SortedMap<String, SortedSet<String>> list = new TreeMap<>();
    ClassLoader platform = ClassLoader.getPlatformClassLoader();
    for (String argument : arguments) {
      String[] parts = argument.split("=", 2);
      URL[] jar = {Path.of(parts[1]).toUri().toURL()};
      try (URLClassLoader loader = new URLClassLoader(jar, platform)) {
        for (Map.Entry<String, String> each : CLASSES.entrySet()) {
          // The class is not initialized: that would call native methods.
          String name = each.getValue() + "." + each.getKey();
          for (String line : of(Class.forName(name, false, loader))) {
            list.computeIfAbsent(line, unused -> new TreeSet<>()).add(parts[0]);
          }
        }
      }
    }
    System.out.println("# SPDX-License-Identifier: Apache-2.0");
    System.out.println("# API levels, and a signature that they have: vagrant/tests/android.sh");
    list.forEach((line, levels) -> System.out.println(String.join(",", levels) + " " + line));
  }

  /** Returns the committed list: each signature, and the API levels that have it. */
  static SortedMap<String, SortedSet<String>> ofAndroid() throws IOException {
    SortedMap<String, SortedSet<String>> list = new TreeMap<>();
    try (InputStream file = Signatures.class.getResourceAsStream(LIST)) {
      for (String line : new String(file.readAllBytes(), UTF_8).lines().toList()) {
        if (!line.startsWith("#")) {
          String[] parts = line.split(" ", 2);
          list.put(parts[1], new TreeSet<>(Arrays.asList(parts[0].split(","))));
        }
      }
    }
    return list;
  }

  /** Returns the signatures of the classes here. */
  static SortedSet<String> here() throws ClassNotFoundException {
    SortedSet<String> lines = new TreeSet<>();
    for (String each : CLASSES.keySet()) {
      lines.addAll(of(Class.forName(Signatures.class.getPackageName() + "." + each)));
    }
    return lines;
  }

  private static SortedSet<String> of(Class<?> type) {
    SortedSet<String> lines = new TreeSet<>();
    lines.add(modifiers(type, type.getModifiers()) + "class");
    lines.add("extends " + type.getGenericSuperclass().getTypeName());
    for (Type each : type.getGenericInterfaces()) {
      lines.add("implements " + each.getTypeName());
    }
    for (Field each : type.getFields()) {
      if (each.getDeclaringClass() == type) {
        lines.add(declaration(each, each.getModifiers(), each.getGenericType(), each.getName()));
      }
    }
    for (Constructor<?> each : type.getConstructors()) {
      lines.add(modifiers(each, each.getModifiers()) + call(type.getSimpleName(), each));
    }
    for (Method each : type.getMethods()) {
      if (each.getDeclaringClass() == type && !each.isSynthetic()) {
        String call = call(each.getName(), each);
        lines.add(declaration(each, each.getModifiers(), each.getGenericReturnType(), call));
      }
    }
    SortedSet<String> shown = new TreeSet<>();
    for (String each : lines) {
      String line = type.getSimpleName() + ": " + PACKAGES.matcher(each).replaceAll("");
      if (!line.startsWith("OsConstants: ") || USED.matcher(line).matches()) {
        shown.add(line);
      }
    }
    return shown;
  }

  private static String declaration(AnnotatedElement of, int modifiers, Type type, String rest) {
    return modifiers(of, modifiers) + type.getTypeName() + " " + rest;
  }

  private static String modifiers(AnnotatedElement of, int modifiers) {
    String deprecated = of.isAnnotationPresent(Deprecated.class) ? "@Deprecated " : "";
    return deprecated + Modifier.toString(modifiers & VISIBLE) + " ";
  }

  private static String call(String name, Executable of) {
    String exceptions = types(of.getGenericExceptionTypes());
    return name
        + "("
        + types(of.getGenericParameterTypes())
        + ")"
        + (exceptions.isEmpty() ? "" : " throws " + exceptions);
  }

  private static String types(Type[] types) {
    return Arrays.stream(types).map(Type::getTypeName).collect(joining(", "));
  }
}
