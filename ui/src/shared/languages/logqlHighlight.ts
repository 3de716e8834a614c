import { styleTags, tags } from '@lezer/highlight';

export const highlighting = styleTags({
  Comment: tags.lineComment,
  String: tags.string,
  Number: tags.number,
  Flag: tags.modifier,
  'LabelName/Identifier': tags.propertyName,
  'FunctionName/Identifier': tags.function(tags.variableName),
  'StageName/...': tags.keyword,
  Keyword: tags.operatorKeyword,
  'MatchOp/... CompareOp/... LineOp/... ArithOp/...': tags.operator,
});
