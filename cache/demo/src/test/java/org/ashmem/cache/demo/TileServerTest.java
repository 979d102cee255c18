// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache.demo;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.openqa.selenium.json.Json;

/** The server without a container. */
class TileServerTest {
  private static final HttpClient CLIENT = HttpClient.newHttpClient();

  /** Few of the tiles fit. */
  private static final long MAXIMUM = 64 << 20;

  private static Demo demo;
  private static TileServer server;

  @BeforeAll
  static void start() throws Exception {
    demo = new Demo(MAXIMUM);
    server = new TileServer(demo, 0);
  }

  @AfterAll
  static void stop() {
    server.close();
    demo.close();
  }

  private static HttpRequest.Builder request(String path) {
    return HttpRequest.newBuilder(URI.create(server.address() + path));
  }

  private static HttpResponse<byte[]> get(String path) throws Exception {
    return CLIENT.send(request(path).build(), HttpResponse.BodyHandlers.ofByteArray());
  }

  private static int post(String path, String... headers) throws Exception {
    HttpRequest.Builder request = request(path).POST(HttpRequest.BodyPublishers.noBody());
    if (headers.length > 0) {
      request.headers(headers);
    }
    return CLIENT.send(request.build(), HttpResponse.BodyHandlers.discarding()).statusCode();
  }

  private static Map<String, Object> live() throws Exception {
    HttpResponse<byte[]> answer = get("live");
    assertEquals(200, answer.statusCode());
    return new Json().toType(new String(answer.body(), UTF_8), Json.MAP_TYPE);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"", "page.js", "page.css", "uplot.js", "uplot.css", "leaflet.js", "leaflet.css"})
  void pageAndItsFilesAreServed(String path) throws Exception {
    HttpResponse<byte[]> answer = get(path);
    assertEquals(200, answer.statusCode());
    assertTrue(answer.body().length > 1000);
    String policy = answer.headers().firstValue("Content-Security-Policy").orElseThrow();
    assertTrue(policy.startsWith("default-src 'self'"), policy);
    assertFalse(new String(answer.body(), UTF_8).contains("src=\"http"));
  }

  @Test
  void tileIsTheOneThatWasRendered() throws Exception {
    HttpResponse<byte[]> first = get("tiles/20/400000/500000.bmp");
    assertEquals(200, first.statusCode());
    assertEquals("image/bmp", first.headers().firstValue("Content-Type").orElseThrow());
    assertEquals("miss", first.headers().firstValue("X-Cache").orElseThrow());
    assertArrayEquals(Tiles.render("20/400000/500000"), first.body());

    // The visitors may have taken its place before the second request.
    HttpResponse<byte[]> again;
    do {
      again = get("tiles/20/400000/500000.bmp");
      assertArrayEquals(first.body(), again.body());
    } while (!again.headers().firstValue("X-Cache").orElseThrow().equals("hit"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "tiles/1/2/0.bmp",
        "tiles/1/0/2.bmp",
        "tiles/41/0/0.bmp",
        "tiles/1/-1/0.bmp",
        "tiles/1/0.bmp",
        "tiles/1/0/0",
        "page.html",
        "../pom.xml"
      })
  void whatIsNotThereIsNotFound(String path) throws Exception {
    assertEquals(404, get(path).statusCode());
  }

  @Test
  void figuresAreColumnsOfEqualLength() throws Exception {
    Map<String, Object> live = live();
    while (((List<?>) live.get("time")).size() < 3 || (Long) live.get("reads") == 0) {
      Thread.onSpinWait();
      live = live();
    }
    int samples = ((List<?>) live.get("time")).size();
    for (String name :
        List.of("usage", "resident", "givenBack", "server", "neighbour", "peer", "misses")) {
      assertEquals(samples, ((List<?>) live.get(name)).size(), name);
    }
    assertEquals(64L, live.get("maximum"));
    assertEquals(0L, live.get("wrong"));
  }

  @Test
  void withoutAContainerThereIsNoPeer() throws Exception {
    assertEquals(0L, live().get("container"));
    assertEquals(409, post("peer"));
    assertEquals(false, live().get("peerRuns"));
  }

  @Test
  void neighbourBeginsAndEnds() throws Exception {
    assertEquals(204, post("neighbour"));
    while ((Long) live().get("neighbourMillis") < 0) {
      Thread.onSpinWait();
    }
    assertEquals(true, live().get("neighbourRuns"));
    assertEquals(204, post("neighbour"));
    assertEquals(false, live().get("neighbourRuns"));
  }

  @Test
  void discardIsTold() throws Exception {
    assertEquals(204, post("discard"));
    assertTrue(live().get("events").toString().contains("dropped"), live()::toString);
  }

  @Test
  void otherSitesMayNotPost() throws Exception {
    assertEquals(403, post("discard", "Origin", "http://example.org"));
    assertEquals(404, post("nothing"));
  }

  @Test
  void onlyTheLoopbackAddressIsTaken() throws Exception {
    int port = URI.create(server.address()).getPort();
    for (InetAddress address : InetAddress.getAllByName(InetAddress.getLocalHost().getHostName())) {
      if (!address.isLoopbackAddress()) {
        new ServerSocket(port, 1, address).close();
      }
    }
  }
}
