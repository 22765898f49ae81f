/** The messages of type `Type` in a union of messages. */
export type MessageOf<
  Message extends { readonly type: string },
  Type extends Message['type'],
> = Extract<Message, { readonly type: Type }>;

/** One handler for each type of message. A missing one is a compile error. */
export type HandlersOf<Message extends { readonly type: string }, Result = void> = {
  readonly [Type in Message['type']]: (message: MessageOf<Message, Type>) => Result;
};
