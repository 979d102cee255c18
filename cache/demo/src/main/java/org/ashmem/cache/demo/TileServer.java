// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache.demo;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/** Serves the page, its figures and the tiles, on the loopback address. */
final class TileServer implements AutoCloseable {
  private static final int THREADS = 4;

  /** The page needs nothing of the network but this server. */
  private static final String POLICY =
      "default-src 'self'; img-src 'self' blob: data:; frame-ancestors 'none'";

  private final Demo demo;
  private final HttpServer server;
  private final ExecutorService threads;
  private final Map<String, String> files;

  /**
   * Starts to serve.
   *
   * @param demo the demonstration
   * @param port the port; 0 takes a free one
   * @throws IOException if the port is taken, or a file of the page is not in the class path
   */
  TileServer(Demo demo, int port) throws IOException {
    this.demo = demo;
    String uplot = webjar("uplot") + "/dist/uPlot";
    String leaflet = webjar("leaflet") + "/dist/leaflet";
    this.files =
        Map.of(
            "/", "page.html",
            "/page.css", "page.css",
            "/page.js", "page.js",
            "/uplot.js", uplot + ".iife.min.js",
            "/uplot.css", uplot + ".min.css",
            "/leaflet.js", leaflet + ".js",
            "/leaflet.css", leaflet + ".css");
    this.server =
        HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 0);
    this.threads =
        Executors.newFixedThreadPool(
            THREADS,
            task -> {
              Thread thread = new Thread(task, "server");
              thread.setDaemon(true);
              return thread;
            });
    server.setExecutor(threads);
    server.createContext("/", this::answer);
    server.start();
  }

  /** Returns the folder of a webjar in the class path. */
  private static String webjar(String name) throws IOException {
    Properties properties = new Properties();
    try (InputStream in = resource("/META-INF/maven/org.webjars.npm/" + name + "/pom.properties")) {
      properties.load(in);
    }
    return "/META-INF/resources/webjars/" + name + "/" + properties.getProperty("version");
  }

  private static InputStream resource(String name) throws IOException {
    InputStream in = TileServer.class.getResourceAsStream(name);
    if (in == null) {
      throw new IOException(name + " is not in the class path");
    }
    return in;
  }

  /** Returns the address of the page. */
  String address() {
    return "http://localhost:" + server.getAddress().getPort() + "/";
  }

  private void answer(HttpExchange exchange) throws IOException {
    try (exchange) {
      String path = exchange.getRequestURI().getPath();
      switch (exchange.getRequestMethod()) {
        case "GET" -> get(exchange, path);
        case "POST" -> post(exchange, path);
        default -> send(exchange, 405, "text/plain", new byte[0]);
      }
    } catch (RuntimeException | IOException e) {
      // A browser that leaves closes its connections.
      System.err.println("no answer to " + exchange.getRequestURI() + ": " + e);
    }
  }

  private void get(HttpExchange exchange, String path) throws IOException {
    String file = files.get(path);
    if (path.equals("/live")) {
      send(exchange, 200, "application/json", demo.json().getBytes(UTF_8));
    } else if (path.startsWith("/tiles/") && path.endsWith(".bmp")) {
      tile(exchange, path.substring("/tiles/".length(), path.length() - ".bmp".length()));
    } else if (file != null) {
      try (InputStream in = resource(file)) {
        send(exchange, 200, type(file), in.readAllBytes());
      }
    } else {
      send(exchange, 404, "text/plain", new byte[0]);
    }
  }

  private void tile(HttpExchange exchange, String key) throws IOException {
    if (Tiles.parse(key) == null) {
      send(exchange, 404, "text/plain", new byte[0]);
      return;
    }
    exchange.getResponseHeaders().set("X-Cache", "hit");
    byte[] tile = demo.tile(key, () -> exchange.getResponseHeaders().set("X-Cache", "miss"));
    send(exchange, 200, "image/bmp", tile);
  }

  private void post(HttpExchange exchange, String path) throws IOException {
    // Pages of other sites may post to this server, too.
    String origin = exchange.getRequestHeaders().getFirst("Origin");
    if (origin != null
        && !origin.equals("http://" + exchange.getRequestHeaders().getFirst("Host"))) {
      send(exchange, 403, "text/plain", new byte[0]);
      return;
    }
    int status = 204;
    switch (path) {
      case "/neighbour" -> demo.toggleNeighbour();
      case "/peer" -> status = demo.togglePeer() ? 204 : 409;
      case "/discard" -> demo.discard();
      default -> status = 404;
    }
    send(exchange, status, "text/plain", new byte[0]);
  }

  private static String type(String file) {
    return file.endsWith(".js")
        ? "text/javascript"
        : file.endsWith(".css") ? "text/css" : "text/html; charset=utf-8";
  }

  private static void send(HttpExchange exchange, int status, String type, byte[] body)
      throws IOException {
    exchange.getResponseHeaders().set("Content-Type", type);
    exchange.getResponseHeaders().set("Content-Security-Policy", POLICY);
    exchange.getResponseHeaders().set("Cache-Control", "no-store");
    exchange.sendResponseHeaders(status, body.length == 0 ? -1 : body.length);
    exchange.getResponseBody().write(body);
  }

  @Override
  public void close() {
    server.stop(0);
    threads.shutdownNow();
  }
}
