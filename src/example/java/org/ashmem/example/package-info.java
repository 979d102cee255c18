// SPDX-License-Identifier: Apache-2.0
/** Example programs. They are compiled with the tests and are not in the jar. */
package org.ashmem.example;
