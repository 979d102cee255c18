// SPDX-License-Identifier: Apache-2.0
/** Programs that show the library at work. They are compiled with the tests and not in the jar. */
package org.ashmem.example;
