// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;

import java.io.InputStream;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** The metadata for GraalVM's native-image: resources, and what the code looks up by name. */
class NativeImageTest {
  private static final String METADATA =
      "/META-INF/native-image/org.ashmem/ashmem/reachability-metadata.json";
  private static final Pattern GLOB = Pattern.compile("\"glob\": \"([^\"]+)\"");
  private static final Pattern METHOD = Pattern.compile("\"name\": \"([^\"]+)\"");

  @Test
  void everyResourceThatIsReadAtRunTimeIsNamedAndIsThere() throws Exception {
    String platform = NativeLibrary.platform(System.getProperties());
    Set<String> named = resources(platform);

    assertEquals(
        Set.of("/org/ashmem/" + NativeLibrary.resource(platform), "/org/ashmem/version.properties"),
        named);
    for (String resource : named) {
      assertNotNull(NativeLibrary.class.getResource(resource), resource);
    }
  }

  @Test
  void everyMethodThatTheLibraryLooksUpIsNamed() throws Exception {
    try (InputStream in = NativeLibrary.class.getResourceAsStream(METADATA)) {
      Set<String> methods =
          METHOD
              .matcher(new String(in.readAllBytes(), UTF_8))
              .results()
              .map(method -> method.group(1))
              .collect(Collectors.toSet());
      assertEquals(
          Set.of("currentThread", "getUncaughtExceptionHandler", "isVirtual", "shim"), methods);
    }
    assertNotNull(Class.forName("org.ashmem.NativeLibrary$Handover").getDeclaredMethod("shim"));
  }

  private static Set<String> resources(String platform) throws Exception {
    try (InputStream in = NativeLibrary.class.getResourceAsStream(METADATA)) {
      return GLOB.matcher(new String(in.readAllBytes(), UTF_8))
          .results()
          .map(glob -> "/" + glob.group(1).replace("*", platform))
          .collect(Collectors.toSet());
    }
  }
}
