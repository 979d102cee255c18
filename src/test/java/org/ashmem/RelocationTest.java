// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.InputStream;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The library under other package names, and in several class loaders. */
class RelocationTest {
  @ParameterizedTest
  @ValueSource(strings = {"shaded.org.ashmem", "a", "with_under_score.ashmem", "org.ashmem"})
  void anyPackageNameWorks(String name) throws Exception {
    assertWorks(new Relocated(name), name);
  }

  @Test
  void twoPackagesOfOneClassLoaderWork() throws Exception {
    Relocated loader = new Relocated("first.ashmem", "second.ashmem");
    assertWorks(loader, "first.ashmem");
    assertWorks(loader, "second.ashmem");
    assertWorks(loader, "first.ashmem");
  }

  @Test
  void twoClassLoadersWork() throws Exception {
    Relocated first = new Relocated("org.ashmem");
    Relocated second = new Relocated("org.ashmem");
    assertWorks(first, "org.ashmem");
    assertWorks(second, "org.ashmem");
    assertWorks(first, "org.ashmem");
    assertNotSame(
        first.load("org.ashmem", "AshmemRegion"), second.load("org.ashmem", "AshmemRegion"));
  }

  /** A build that moves the package then moves all files of this version, and of no other. */
  @Test
  void allResourcesAreInThePackage() throws Exception {
    Relocated loader = new Relocated("moved");
    assertWorks(loader, "moved");
    assertEquals(
        Set.of(
            "moved/version.properties",
            "moved/" + NativeLibrary.resource(NativeLibrary.platform(System.getProperties()))),
        loader.resources());
  }

  /** A function that is missing from the table in native/register.c fails here. */
  @Test
  void everyFunctionIsBound() throws Exception {
    Class<?> shim = new Relocated("bound").load("bound", "Shim");
    List<String> missing = new ArrayList<>();
    for (Method method : shim.getDeclaredMethods()) {
      if (Modifier.isNative(method.getModifiers())) {
        method.setAccessible(true);
        try {
          method.invoke(null, arguments(method));
        } catch (InvocationTargetException e) {
          assertInstanceOf(UnsatisfiedLinkError.class, e.getCause());
          missing.add(method.getName());
        }
      }
    }
    assertEquals(List.of(), missing);
  }

  /** Returns arguments that the kernel refuses: a closed descriptor, and lengths of 0. */
  private static Object[] arguments(Method method) {
    List<Object> arguments = new ArrayList<>();
    for (Class<?> type : method.getParameterTypes()) {
      if (type == int.class) {
        arguments.add(Integer.MAX_VALUE);
      } else if (type == long.class) {
        arguments.add(0L);
      } else if (type == boolean.class) {
        arguments.add(false);
      } else if (type == long[].class) {
        arguments.add(new long[3]);
      } else {
        assertSame(byte[].class, type);
        // The longest name is refused by memfd, and there is no file of this name.
        arguments.add(new byte[4096]);
      }
    }
    return arguments.toArray();
  }

  @ParameterizedTest
  @ValueSource(strings = {"one loader", "two loaders"})
  void namedLibraryIsLoadedTwice(String how, @TempDir Path directory) throws Exception {
    Path file = directory.resolve("named.so");
    try (InputStream in =
        NativeLibrary.class.getResourceAsStream(
            NativeLibrary.resource(NativeLibrary.platform(System.getProperties())))) {
      Files.copy(in, file);
    }
    Relocated first = new Relocated("first", "second");
    Relocated second = how.startsWith("one") ? first : new Relocated("second");
    load(first, "first", file);
    load(second, "second", file);
    assertWorks(first, "first");
    assertWorks(second, "second");
  }

  @Test
  void threadKeepsItsHandlerOfUncaughtExceptions() {
    Thread thread = Thread.currentThread();
    Thread.UncaughtExceptionHandler none = thread.getUncaughtExceptionHandler();
    Thread.UncaughtExceptionHandler own = (t, e) -> {};
    NativeLibrary.load(System.getProperties());
    assertSame(none, thread.getUncaughtExceptionHandler());
    thread.setUncaughtExceptionHandler(own);
    try {
      NativeLibrary.load(System.getProperties());
      assertSame(own, thread.getUncaughtExceptionHandler());
    } finally {
      thread.setUncaughtExceptionHandler(null);
    }
  }

  private static void load(Relocated loader, String name, Path file) throws Exception {
    Properties properties = new Properties();
    properties.putAll(System.getProperties());
    properties.setProperty(name + ".library", file.toString());
    Method load = loader.load(name, "NativeLibrary").getDeclaredMethod("load", Properties.class);
    load.setAccessible(true);
    load.invoke(null, properties);
  }

  /** Creates a region, and closes it. */
  private static void assertWorks(Relocated loader, String name) throws Exception {
    Class<?> region = loader.load(name, "AshmemRegion");
    assertSame(loader, region.getClassLoader());
    AutoCloseable made =
        (AutoCloseable)
            region.getMethod("create", String.class, long.class).invoke(null, "relocated", 4096L);
    assertEquals("NOT_PURGED", region.getMethod("pin").invoke(made).toString());
    made.close();
    assertFalse((boolean) region.getMethod("isOpen").invoke(made));
    assertThrows(InvocationTargetException.class, () -> region.getMethod("pin").invoke(made));
  }
}
