// Renders cases with handlebars.js: a JSON list of {entry, partials, data, html} on standard input, a JSON list
// of {text} or {error} on standard output. The argument is handlebars.js itself.
'use strict';
const Handlebars = require(process.argv[2]);

const isThere = value => !Handlebars.Utils.isEmpty(value) && value !== 0;
const percent = text =>
  encodeURIComponent(text).replace(/[!'()*]/g, it => '%' + it.charCodeAt(0).toString(16).toUpperCase()).replace(/%40/g, '@');

function render({ entry, partials, data, html }) {
  const own = Handlebars.create();
  own.registerHelper('eq', (one, other) => one === other);
  own.registerHelper('default', (one, other) => (isThere(one) ? one : other));
  own.registerHelper('percent', text => percent(text));
  own.registerHelper('link', url => url);
  own.registerHelper('lock', function (name, options) { return options.fn(this); });
  own.registerPartial(partials);
  return own.compile(entry, { strict: true, preventIndent: true, noEscape: !html })(data);
}

const cases = JSON.parse(require('fs').readFileSync(0, 'utf8'));
const answers = cases.map(it => {
  try {
    return { text: render(it) };
  } catch (error) {
    return { error: String(error) };
  }
});
process.stdout.write(JSON.stringify(answers));
