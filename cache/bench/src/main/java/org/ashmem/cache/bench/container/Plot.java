// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache.bench.container;

import java.awt.Color;
import java.awt.Font;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.knowm.xchart.BitmapEncoder;
import org.knowm.xchart.VectorGraphicsEncoder;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.XYSeries;
import org.knowm.xchart.style.Styler;
import org.knowm.xchart.style.lines.SeriesLines;
import org.knowm.xchart.style.markers.SeriesMarkers;

/** The hit rate of each cache over time, of one machine. */
final class Plot {
  /** A point has the lookups of so many seconds. */
  private static final int STEP = 2;

  private static final Color[] OURS = {new Color(0xD50000), new Color(0xEC407A)};
  private static final Color[] OTHERS = {
    new Color(0x1565C0),
    new Color(0x2E7D32),
    new Color(0xEF6C00),
    new Color(0x6A1B9A),
    new Color(0x00838F),
    new Color(0x5D4037)
  };

  private Plot() {}

  /** Draws runs of one machine to PATH.png and PATH.svg. */
  static void draw(List<Run> runs, Path path) throws IOException {
    XYChart chart =
        new XYChartBuilder()
            .width(720)
            .height(340)
            .title("Hit rate beside a neighbour that takes 200 of 512 MiB")
            .xAxisTitle("seconds")
            .yAxisTitle("hit rate")
            .build();
    chart
        .getStyler()
        .setLegendPosition(Styler.LegendPosition.OutsideE)
        .setChartBackgroundColor(Color.WHITE)
        .setChartTitleBoxVisible(false);
    chart.getStyler().setXAxisTickMarkSpacingHint(60);
    chart.getStyler().setMarkerSize(9).setLegendFont(new Font(Font.SANS_SERIF, Font.PLAIN, 10));
    List<String> ours = new ArrayList<>();
    List<String> others = new ArrayList<>();
    for (Run run : runs) {
      if (run.seconds.size() < STEP) {
        continue;
      }
      line(chart, run)
          .setLineColor(run.isOurs() ? color(run, ours, OURS) : color(run, others, OTHERS));
    }
    BitmapEncoder.saveBitmap(chart, path.toString(), BitmapEncoder.BitmapFormat.PNG);
    VectorGraphicsEncoder.saveVectorGraphic(
        chart, path.toString(), VectorGraphicsEncoder.VectorGraphicsFormat.SVG);
  }

  /** Returns the color of a cache, the same for both of its sizes. */
  private static Color color(Run run, List<String> names, Color[] colors) {
    if (!names.contains(run.name)) {
      names.add(run.name);
    }
    return colors[names.indexOf(run.name) % colors.length];
  }

  /** Adds a line. A cross is where somebody was killed. */
  private static XYSeries line(XYChart chart, Run run) {
    List<Integer> seconds = new ArrayList<>();
    List<Double> rates = new ArrayList<>();
    for (int second = 0; second + STEP <= run.seconds.size(); second += STEP) {
      seconds.add(second + STEP);
      rates.add(run.hitRate(second, second + STEP));
    }
    String name = run.name + (run.isOurs() ? "" : ", " + run.sizing.text);
    XYSeries line = chart.addSeries(name, seconds, rates);
    line.setMarker(SeriesMarkers.NONE);
    line.setLineStyle(run.sizing == Run.Sizing.EXPERT ? SeriesLines.DASH_DASH : SeriesLines.SOLID);
    line.setLineWidth(run.isOurs() ? 2.5f : 1.4f);
    if (!run.survived()) {
      int last = seconds.size() - 1;
      XYSeries end =
          chart.addSeries(
              name + ", killed", seconds.subList(last, last + 1), rates.subList(last, last + 1));
      end.setMarker(SeriesMarkers.CROSS).setMarkerColor(Color.BLACK).setShowInLegend(false);
    }
    return line;
  }
}
