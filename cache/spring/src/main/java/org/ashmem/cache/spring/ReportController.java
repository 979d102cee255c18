// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache.spring;

import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.bind.annotation.RestController;

/** The reports over HTTP. */
@RestController
class ReportController {
  private final Reports reports;

  ReportController(Reports reports) {
    this.reports = reports;
  }

  @GetMapping("/{customer}/{year}")
  Report report(@PathVariable String customer, @PathVariable int year) {
    return reports.report(customer, year);
  }

  @PostMapping("/{customer}/{year}")
  void order(
      @PathVariable String customer,
      @PathVariable int year,
      @RequestParam int month,
      @RequestParam long cents) {
    reports.order(customer, year, month, cents);
  }
}
