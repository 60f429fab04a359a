/// <reference path="./build/ambient.d.ts" />
export * from "./build";
