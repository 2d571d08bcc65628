#include "widgets/store/store_schema.h"

namespace mmfree::gui
{

namespace
{

const char* const kVersion1[] = {
    "CREATE TABLE conversations (id INTEGER PRIMARY KEY AUTOINCREMENT, title TEXT NOT NULL,"
    " created INTEGER NOT NULL, updated INTEGER NOT NULL, leaf INTEGER NOT NULL DEFAULT 0,"
    " deleted INTEGER NOT NULL DEFAULT 0)",
    "CREATE TABLE messages (id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " conversation INTEGER NOT NULL REFERENCES conversations(id) ON DELETE CASCADE,"
    " parent INTEGER REFERENCES messages(id) ON DELETE CASCADE, role INTEGER NOT NULL, text TEXT NOT NULL,"
    " status INTEGER NOT NULL, created INTEGER NOT NULL, stats TEXT)",
    "CREATE INDEX messages_of_conversation ON messages(conversation)",
    "CREATE INDEX children_of_message ON messages(parent)",
    "CREATE TABLE states (message INTEGER PRIMARY KEY REFERENCES messages(id) ON DELETE CASCADE, state BLOB "
    "NOT NULL)",
};

const char* const kVersion2[] = {
    "ALTER TABLE conversations ADD COLUMN pinned INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE conversations ADD COLUMN folder TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE conversations ADD COLUMN settings TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE conversations ADD COLUMN draft TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE messages ADD COLUMN deleted INTEGER NOT NULL DEFAULT 0",
    // Only a cache: chats of version 1 are read once more.
    "DROP TABLE states",
    // Tokens are those after `base_count`, which the state of (base_message, base_point) has; base_message
    // NULL: all of them. `depth` counts the steps to a state that has all.
    "CREATE TABLE states (message INTEGER NOT NULL REFERENCES messages(id) ON DELETE CASCADE,"
    " point INTEGER NOT NULL, fingerprint TEXT NOT NULL, key INTEGER NOT NULL, consumed INTEGER NOT NULL,"
    " base_message INTEGER, base_point INTEGER, base_count INTEGER NOT NULL, depth INTEGER NOT NULL,"
    " hash INTEGER NOT NULL, tokens BLOB NOT NULL, state BLOB NOT NULL, PRIMARY KEY (message, point))",
    "CREATE TABLE checkpoints (message INTEGER NOT NULL REFERENCES messages(id) ON DELETE CASCADE,"
    " position INTEGER NOT NULL, state BLOB NOT NULL, PRIMARY KEY (message, position))",
    "CREATE TABLE token_chunks (message INTEGER NOT NULL REFERENCES messages(id) ON DELETE CASCADE,"
    " number INTEGER NOT NULL, data BLOB NOT NULL, PRIMARY KEY (message, number))",
    "CREATE TABLE presets (name TEXT PRIMARY KEY, settings TEXT NOT NULL)",
    "CREATE TABLE notes (name TEXT PRIMARY KEY, text TEXT NOT NULL)",
};

} // namespace

QStringList schemaStatements(int version)
{
    QStringList statements;
    if (version < 1) {
        for (const char* statement : kVersion1)
            statements << QString::fromLatin1(statement);
    }
    if (version < 2) {
        for (const char* statement : kVersion2)
            statements << QString::fromLatin1(statement);
    }
    statements << QStringLiteral("PRAGMA application_id = %1").arg(kApplicationId)
               << QStringLiteral("PRAGMA user_version = %1").arg(kSchemaVersion);
    return statements;
}

} // namespace mmfree::gui
