/*
 * The report's own script: opens the tree of summaries down to the rows, and searches it. Whatever a customer or a model wrote goes
 * into the page as text, never as markup. Only what is opened is drawn, so that ten thousand batches are as quick as ten.
 */
(() => {
  const CHILDREN_AT_ONCE = 100;
  const ROWS_AT_ONCE = 100;
  const RESULTS_AT_ONCE = 20;
  /** Characters shown on either side of what was found. */
  const AROUND = 120;
  /** Entries searched before the page may do something else. */
  const SEARCHED_AT_ONCE = 5_000;

  const { batches = [], conditions } = JSON.parse(document.getElementById('report-data').textContent);
  const number = new Intl.NumberFormat('en');
  const counted = (value, one, many) => `${number.format(value)} ${value === 1 ? one : many}`;
  const rowsOf = (value) => counted(value, 'row', 'rows');

  /** An element with properties (`className`), attributes (`aria-label`) and contents: texts and elements. */
  const element = (name, properties = {}, ...contents) => {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(properties)) {
      if (key in made) made[key] = value;
      else made.setAttribute(key, value);
    }
    made.append(...contents.filter((content) => content !== null));
    return made;
  };
  const written = (name, className, text) => element(name, { className, dir: 'auto' }, text);

  const nameOf = (level, batch) => `${level}/${batch}`;
  const byName = new Map(batches.map((batch) => [nameOf(batch.level, batch.batch), batch]));
  const childrenOf = new Map();
  const roots = [];
  for (const batch of batches) {
    const parent = batch.parent && byName.get(nameOf(...batch.parent));
    if (!parent) roots.push(batch);
    else if (childrenOf.has(parent)) childrenOf.get(parent).push(batch);
    else childrenOf.set(parent, [batch]);
  }
  const inOrder = (one, other) => other.level - one.level || one.batch - other.batch;
  roots.sort(inOrder);
  for (const children of childrenOf.values()) children.sort(inOrder);

  // The tree: every node is a details element whose contents are made when it is opened for the first time.

  const titleOf = ({ level, batch, group, parent }) => {
    const place = level === 0 ? `Batch ${batch}` : parent ? `Level ${level}, summary ${batch}` : 'All';
    if (group === undefined) return place;
    return `${group === '' ? '(no value)' : group} · ${place.toLowerCase()}`;
  };

  const metaOf = (batch) => {
    const parts = [rowsOf(batch.rows)];
    if (batch.failed > 0 && batch.status !== 'failed') parts.push(`${number.format(batch.failed)} not in it`);
    if (batch.status !== 'ok') parts.push(batch.status);
    return parts.join(' · ');
  };

  const query = (words, sql) => element('p', { className: 'hint' }, `${words} `, element('code', {}, sql));

  const detailOf = (batch) => {
    const [input = 0, output = 0] = batch.tokens ?? [];
    const parts = [];
    if (input + output > 0) parts.push(`${number.format(input)} tokens in, ${number.format(output)} out`);
    if (batch.cost > 0) parts.push(`$${batch.cost.toPrecision(3)}`);
    if (batch.seconds !== undefined) parts.push(`answered in ${batch.seconds.toFixed(1)} s`);
    return parts.join(' · ');
  };

  /** Contents of a node, by page: `show(index)` draws on until the item of that index is there, and gives its element. */
  const pages = (items, atOnce, className, draw) => {
    const list = element('ul', { className });
    const more = element('button', { type: 'button', onclick: () => show(list.children.length + atOnce - 1) });
    const show = (index) => {
      while (list.children.length <= index && list.children.length < items.length) list.append(draw(items[list.children.length]));
      const left = items.length - list.children.length;
      more.hidden = left === 0;
      more.textContent = `Show ${number.format(Math.min(atOnce, left))} more of ${number.format(left)}`;
      return list.children[index];
    };
    show(atOnce - 1);
    return { contents: [list, more], show };
  };

  const rowItem = ({ row, id, text, isCut, summary, failed }) =>
    element(
      'li',
      { tabIndex: -1 },
      element(
        'span',
        { className: 'place' },
        `row ${row} · `,
        element('bdi', {}, id),
        failed === undefined ? '' : ` · in no summary: ${failed}`,
      ),
      written('p', '', isCut ? `${text} […]` : text),
      summary === undefined ? null : written('p', 'own', summary),
    );

  /** Makes what a batch opens to. `revealRow(index)` gives the element of one of its rows. */
  const fill = (batch, body) => {
    const detail = detailOf(batch);
    body.append(
      written(
        'p',
        batch.summary === undefined ? 'none' : 'text',
        batch.summary ?? `No summary: ${batch.message ?? batch.error ?? batch.status}`,
      ),
    );
    if (batch.isCut) {
      const sql = `SELECT summary FROM batch_summaries WHERE ${conditions} AND level = ${batch.level} AND batch_id = ${batch.batch}`;
      body.append(query('The summary goes on:', sql));
    }
    if (detail !== '') body.append(element('p', { className: 'meta' }, detail));
    if (batch.level > 0) return fillChildren(batch, body);

    const texts = batch.texts ?? [];
    const made = pages(texts, ROWS_AT_ONCE, 'rows', rowItem);
    made.contents[0].setAttribute('aria-label', `Rows of batch ${batch.batch}`);
    if (texts.length > 0) body.append(...made.contents);
    if (texts.length < batch.rows) {
      const sql = `SELECT row_number, id, text FROM row_summaries WHERE ${conditions} AND batch_id = ${batch.batch} ORDER BY row_number`;
      body.append(query(`${texts.length === 0 ? 'Its rows are' : `${rowsOf(batch.rows - texts.length)} more are`} not in this page:`, sql));
    }
    return made.show;
  };

  const fillChildren = (batch, body) => {
    const children = childrenOf.get(batch) ?? [];
    const missing = batch.rows - children.reduce((rows, child) => rows + child.rows, 0);
    body.append(listOf(children));
    if (missing > 0) {
      const sql = `SELECT level, batch_id, row_count, summary FROM batch_summaries WHERE ${conditions} AND parent_level = ${batch.level} AND parent_batch_id = ${batch.batch} ORDER BY level, batch_id`;
      body.append(query(`Summaries of ${rowsOf(missing)} more are not in this page:`, sql));
    }
  };

  /** Nodes by batch; those of ranges stand under the first batch of theirs. */
  const nodes = new Map();
  const ranges = new Map();

  const nodeOf = (title, meta, preview, fillBody) => {
    const body = element('div', { className: 'body' });
    const summary = element(
      'summary',
      {},
      element('span', { className: 'label', dir: 'auto' }, title),
      ' ',
      element('span', { className: 'meta' }, meta),
      preview === undefined ? null : written('span', 'preview', preview),
    );
    const details = element('details', {}, summary, body);
    const node = { item: element('li', {}, details), details, summary, revealRow: undefined };
    let isFilled = false;
    const fillOnce = () => {
      if (isFilled) return;
      isFilled = true;
      node.revealRow = fillBody(body);
    };
    node.open = () => {
      fillOnce();
      details.open = true;
    };
    // A click, and a key on the summary, comes before the node opens; whatever else opens it tells afterwards.
    summary.addEventListener('click', fillOnce);
    details.addEventListener('toggle', fillOnce);
    return node;
  };

  const batchNode = (batch) => {
    const node = nodeOf(titleOf(batch), metaOf(batch), batch.summary ?? batch.message ?? batch.error, (body) => fill(batch, body));
    nodes.set(batch, node);
    return node.item;
  };

  /** A list of batches; a long one as ranges of a hundred that open in their turn. */
  const listOf = (some) => {
    if (some.length <= CHILDREN_AT_ONCE) return element('ul', {}, ...some.map(batchNode));
    const list = element('ul');
    for (let first = 0; first < some.length; first += CHILDREN_AT_ONCE) {
      const slice = some.slice(first, first + CHILDREN_AT_ONCE);
      const rows = slice.reduce((sum, batch) => sum + batch.rows, 0);
      const node = nodeOf(`Summaries ${first + 1} to ${first + slice.length}`, rowsOf(rows), undefined, (body) => {
        body.append(element('ul', {}, ...slice.map(batchNode)));
      });
      for (const batch of slice) ranges.set(batch, node);
      list.append(node.item);
    }
    return list;
  };

  /** The node of a batch, everything above it opened. */
  const reveal = (batch) => {
    const parent = batch.parent && byName.get(nameOf(...batch.parent));
    if (parent) reveal(parent).open();
    ranges.get(batch)?.open();
    return nodes.get(batch);
  };

  const go = (batch, row) => {
    const node = reveal(batch);
    let target = node.summary;
    if (row !== undefined) {
      node.open();
      target = node.revealRow(row);
    }
    for (const shown of document.querySelectorAll('.shown')) shown.classList.remove('shown');
    target.classList.add('shown');
    target.scrollIntoView({ block: 'center' });
    target.focus({ preventScroll: true });
  };

  const tree = document.getElementById('tree');
  if (tree) {
    const list = listOf(roots);
    list.className = 'tree';
    list.setAttribute('aria-label', 'Summaries, from the whole down to the rows');
    tree.append(list);
    const [only] = roots;
    if (roots.length === 1 && only.level > 0) nodes.get(only).open();
  }

  // The search.

  /** Every text that can be found, made when it is first asked for. */
  let entries;
  const allEntries = () => {
    if (entries) return entries;
    entries = [];
    for (const batch of batches) {
      entries.push({ batch, text: [batch.group, batch.summary].filter(Boolean).join(' · ') });
      batch.texts?.forEach(({ id, text, summary }, row) => {
        entries.push({ batch, row, text: [id, text, summary].filter(Boolean).join(' · ') });
      });
    }
    return entries;
  };

  const patternOf = (words) => new RegExp(words.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'), 'giu');

  /** The text around the first match, every match in it marked. */
  const marked = (text, pattern) => {
    const at = text.search(pattern);
    const start = Math.max(0, at - AROUND);
    const shown = text.slice(start, at + 2 * AROUND);
    const contents = start > 0 ? ['… '] : [];
    let end = 0;
    for (const match of shown.matchAll(pattern)) {
      contents.push(shown.slice(end, match.index), element('mark', {}, match[0]));
      end = match.index + match[0].length;
    }
    contents.push(shown.slice(end), start + shown.length < text.length ? ' …' : '');
    return contents;
  };

  const found = document.getElementById('found');
  const results = document.getElementById('results');

  const resultItem = ({ batch, row, text }, pattern) => {
    const title = row === undefined ? titleOf(batch) : `Row ${batch.texts[row].row} of batch ${batch.batch}`;
    return element(
      'li',
      {},
      element('span', { className: 'label' }, element('bdi', {}, title)),
      element('p', { dir: 'auto' }, ...marked(text, pattern)),
      element('button', { type: 'button', onclick: () => go(batch, row) }, 'Show in its place'),
    );
  };

  const showResults = (matches, words, pattern) => {
    const inSummaries = matches.filter(({ row }) => row === undefined).length;
    found.textContent =
      matches.length === 0
        ? `Nothing found for “${words}”.`
        : `${counted(inSummaries, 'summary', 'summaries')} and ${rowsOf(matches.length - inSummaries)} found.`;
    const more = element('button', { type: 'button', onclick: () => show() });
    const last = element('li', {}, more);
    let shown = 0;
    const show = () => {
      last.remove();
      results.append(...matches.slice(shown, shown + RESULTS_AT_ONCE).map((match) => resultItem(match, pattern)));
      shown = Math.min(matches.length, shown + RESULTS_AT_ONCE);
      more.textContent = `Show ${number.format(Math.min(RESULTS_AT_ONCE, matches.length - shown))} more`;
      if (shown < matches.length) results.append(last);
    };
    show();
  };

  /** Counts the searches begun: one that is overtaken stops. */
  let searches = 0;
  const search = async (text) => {
    const turn = ++searches;
    const words = text.trim();
    results.replaceChildren();
    found.textContent = '';
    if (words === '') return;
    const pattern = patternOf(words);
    const matches = [];
    const all = allEntries();
    for (let first = 0; first < all.length; first += SEARCHED_AT_ONCE) {
      matches.push(...all.slice(first, first + SEARCHED_AT_ONCE).filter((entry) => entry.text.search(pattern) >= 0));
      await new Promise((resolve) => setTimeout(resolve));
      if (turn !== searches) return;
    }
    showResults(matches, words, pattern);
  };

  const form = document.getElementById('search');
  if (form) {
    const field = document.getElementById('query');
    let timer;
    const soon = (milliseconds) => {
      clearTimeout(timer);
      timer = setTimeout(() => search(field.value), milliseconds);
    };
    field.addEventListener('input', () => soon(150));
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      soon(0);
    });
  }
})();
