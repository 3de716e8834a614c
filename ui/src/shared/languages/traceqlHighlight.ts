import { styleTags, tags } from '@lezer/highlight';

export const highlighting = styleTags({
  Comment: tags.lineComment,
  String: tags.string,
  Number: tags.number,
  Attribute: tags.propertyName,
  'Intrinsic/Identifier': tags.propertyName,
  'Constant/...': tags.bool,
  'FunctionName/Identifier': tags.function(tags.variableName),
  Keyword: tags.operatorKeyword,
  'CompareOp/... StructureOp/... LogicOp/... ArithOp/...': tags.operator,
});
