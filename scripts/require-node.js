// Refuses a Node.js that is too old, saying how to get one. Plain old syntax only, so that an
// ancient Node can parse it. Run by every npm script and shell script before anything else.
/** @type {[number, number]} */
var needed = [20, 19];
var parts = process.versions.node.split(".").map(Number);
var major = parts[0] || 0;
var minor = parts[1] || 0;
if (major < needed[0] || (major === needed[0] && minor < needed[1])) {
  console.error(
    "This project needs Node.js >= " +
      needed.join(".") +
      "; this is " +
      process.versions.node +
      ".\n" +
      "Get a current one from https://nodejs.org/en/download, with nvm (`nvm install 20`),\n" +
      "or with your distribution's NodeSource packages (Debian 12's own nodejs is 18).",
  );
  process.exit(1);
}
