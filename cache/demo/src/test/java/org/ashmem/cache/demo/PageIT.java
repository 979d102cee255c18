// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache.demo;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.function.BooleanSupplier;
import java.util.logging.Level;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.openqa.selenium.By;
import org.openqa.selenium.OutputType;
import org.openqa.selenium.chrome.ChromeDriverService;
import org.openqa.selenium.chrome.ChromeOptions;
import org.openqa.selenium.logging.LogEntry;
import org.openqa.selenium.logging.LogType;
import org.openqa.selenium.logging.LoggingPreferences;
import org.openqa.selenium.remote.RemoteWebDriver;
import org.openqa.selenium.support.ui.WebDriverWait;

/** The page in Chromium, in front of a demonstration in a container and of one without. */
class PageIT {
  /** How long to wait for what has to come. */
  private static final Duration PATIENCE = Duration.ofMinutes(3);

  @TempDir Path folder;
  private ChromeDriverService service;
  private RemoteWebDriver browser;

  @BeforeEach
  void start() throws Exception {
    LoggingPreferences logs = new LoggingPreferences();
    logs.enable(LogType.BROWSER, Level.ALL);
    ChromeOptions options = new ChromeOptions();
    options.setBinary("/usr/bin/chromium");
    options.setCapability("goog:loggingPrefs", logs);
    options.addArguments(
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--hide-scrollbars",
        "--window-size=1280,980",
        "--user-data-dir=" + folder.resolve("profile"));
    // Not ChromeDriver: that asks Selenium's manager for a driver.
    service =
        new ChromeDriverService.Builder()
            .usingDriverExecutable(Path.of("/usr/bin/chromedriver").toFile())
            .build();
    service.start();
    browser = new RemoteWebDriver(service.getUrl(), options);
  }

  @AfterEach
  void stop() {
    if (browser != null) {
      browser.quit();
    }
    service.stop();
  }

  private void waitFor(String what, BooleanSupplier seen) {
    new WebDriverWait(browser, PATIENCE, Duration.ofMillis(200))
        .withMessage(() -> what + " is not seen on the page: " + text("body"))
        .until(any -> seen.getAsBoolean());
  }

  private String text(String selector) {
    return browser.findElement(By.cssSelector(selector)).getText();
  }

  /** Returns the first number of a figure; -1 while it has none. */
  private double figure(String id) {
    String number = text("#" + id).split("\\s", 2)[0].replace(",", "");
    return number.matches("[0-9.]+") ? Double.parseDouble(number) : -1;
  }

  private void press(String id) {
    browser.findElement(By.id(id)).click();
  }

  private boolean happened(String what) {
    return text("#events").contains(what);
  }

  private void assertTheBrowserComplainsOfNothing() {
    List<LogEntry> said = browser.manage().logs().get(LogType.BROWSER).getAll();
    assertTrue(said.isEmpty(), said::toString);
  }

  private void openTheContainer() {
    String address = System.getProperty("org.ashmem.demo.address", "");
    assertFalse(address.isEmpty(), "nothing is served from a container");
    browser.get(address);
    waitFor("the limit", () -> text("#usage").contains("of 512 MiB"));
    assertEquals("", text("#discard"));
    waitFor("a full container", () -> figure("usage") > 500);
  }

  @Test
  void cacheGivesWayToTheNeighbour() {
    openTheContainer();
    press("press-neighbour");
    waitFor("the neighbour's memory", () -> text("#neighbour").contains("got 200 MiB in"));
    waitFor("memory that was given back", () -> figure("given") > 0);
    press("press-neighbour");
    waitFor("the neighbour's end", () -> happened("The neighbour has ended."));

    String wrong = text("#wrong");
    waitFor("more tiles", () -> !text("#wrong").equals(wrong));
    assertEquals(0, figure("wrong"));
    assertTrue(text("#server").contains("lives"));
    assertTrue(browser.findElements(By.cssSelector("#map img")).size() >= 4);
    assertTheBrowserComplainsOfNothing();
  }

  /** Where nobody may set oom_score_adj to -1000, the kernel may kill the server after the peer. */
  @Test
  @Tag("peer")
  void serverOutlivesThePeer() throws Exception {
    openTheContainer();
    press("press-peer");
    waitFor("the peer", () -> text("#peer").contains("of 448 MiB"));
    waitFor("the peer's death", () -> happened("OOM killer killed the peer."));
    waitFor("the peer's death in its box", () -> text("#peer").contains("killed by the kernel"));
    assertTrue(text("#events").matches("(?s).*The server goes on; it had [0-9]+ misses.*"));

    String wrong = text("#wrong");
    waitFor("more tiles", () -> !text("#wrong").equals(wrong));
    assertTrue(text("#server").contains("lives"));
    waitFor("a cache that fills again", () -> figure("resident") > 250);
    assertEquals(0, figure("wrong"));
    Files.write(
        Path.of(System.getProperty("org.ashmem.demo.picture")),
        browser.getScreenshotAs(OutputType.BYTES));
    assertTheBrowserComplainsOfNothing();
  }

  @Test
  void pageSaysThatThereIsNoContainer() throws Exception {
    try (Demo demo = new Demo(64 << 20);
        TileServer server = new TileServer(demo, 0)) {
      browser.get(server.address());
      waitFor("that there is no container", () -> text("#setting").contains("no container"));
      waitFor("the usage", () -> text("#usage").contains("none"));
      waitFor("a cache that fills", () -> figure("resident") > 50);
      assertTrue(text("#peer").contains("needs a container"));
      assertFalse(browser.findElement(By.id("press-peer")).isEnabled());
      press("press-discard");
      waitFor("that the cache dropped its memory", () -> happened("The cache dropped"));
      waitFor("memory that was given back", () -> figure("given") > 0);
      assertTheBrowserComplainsOfNothing();
    }
  }
}
