// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import java.lang.reflect.Method;
import java.net.URL;
import java.net.URLClassLoader;
import java.util.List;
import org.apache.commons.lang3.Validate;

/** An application in a class loader of its own, as a server deploys it, with the library. */
final class Deployed implements AutoCloseable {
  private final URLClassLoader loader;
  private final Class<?> application;

  /** Loads a class again, which must be public. */
  Deployed(Class<?> application) throws ClassNotFoundException {
    URL[] classes =
        List.of(AshmemRegion.class, application, Validate.class).stream()
            .map(each -> each.getProtectionDomain().getCodeSource().getLocation())
            .toArray(URL[]::new);
    loader = new URLClassLoader(classes, ClassLoader.getPlatformClassLoader());
    this.application = loader.loadClass(application.getName());
  }

  /** Calls a public static method, which has one parameter or none. */
  Object call(String method, Object... argument) throws ReflectiveOperationException {
    for (Method each : application.getMethods()) {
      if (each.getName().equals(method)) {
        return each.invoke(null, argument);
      }
    }
    throw new NoSuchMethodException(method);
  }

  ClassLoader loader() {
    return loader;
  }

  @Override
  public void close() throws Exception {
    loader.close();
  }
}
