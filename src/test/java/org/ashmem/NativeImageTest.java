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

/** The metadata for GraalVM's native-image: resources only, because the C code looks nothing up. */
class NativeImageTest {
  private static final String METADATA =
      "/META-INF/native-image/org.ashmem/ashmem/reachability-metadata.json";
  private static final Pattern GLOB = Pattern.compile("\"glob\": \"([^\"]+)\"");

  @Test
  void everyResourceThatIsReadAtRunTimeIsNamedAndIsThere() throws Exception {
    String platform = NativeLibrary.platform(System.getProperties());
    Set<String> named = resources(platform);

    assertEquals(Set.of(NativeLibrary.resource(platform), "/org/ashmem/version.properties"), named);
    for (String resource : named) {
      assertNotNull(NativeLibrary.class.getResource(resource), resource);
    }
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
