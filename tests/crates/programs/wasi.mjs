// Runs a program for WASI, on Node.js: node wasi.mjs PROGRAM
import { readFile } from "node:fs/promises";
import process from "node:process";
import { WASI } from "node:wasi";

const wasi = new WASI({ version: "preview1" });
const program = await WebAssembly.compile(await readFile(process.argv[2]));
process.exitCode = wasi.start(await WebAssembly.instantiate(program, wasi.getImportObject()));
