"""The functions that the cases offer, in sets as one program would offer them together."""


def tool(name, description, required, /, **properties):
    return {"type": "function", "function": {"name": name, "description": description, "parameters": {
        "type": "object", "properties": properties, "required": required.split()}}}


def text(description):
    return {"type": "string", "description": description}


def number(description, kind="integer"):
    return {"type": kind, "description": description}


def one_of(*values):
    return {"type": "string", "enum": list(values)}


ROOMS = one_of("kitchen", "bedroom", "living_room", "office")

SETS = {
    "weather": [
        tool("get_weather", "Get the weather forecast of a city", "city", city=text("Name of the city"), unit=one_of("celsius", "fahrenheit"),
             days=number("How many days, 1 to 7")),
    ],
    "office": [
        tool("send_email", "Send an email", "to subject body", to=text("Address of the recipient"), subject=text("Subject"), body=text("Text")),
        tool("create_event", "Create an event in the calendar", "title date start_time", title=text("Title"), date=text("Date as YYYY-MM-DD"),
             start_time=text("Time as HH:MM"), duration_minutes=number("Duration"),
             attendees={"type": "array", "items": {"type": "string"}, "description": "Names of those invited"}),
        tool("search_contacts", "Find a person's address and phone number", "name", name=text("Name of the person")),
        tool("set_reminder", "Remind the user after some minutes", "text minutes", text=text("What of"), minutes=number("After how many minutes")),
    ],
    "shop": [
        tool("search_products", "Search the shop's products", "query", query=text("What to look for"),
             max_price=number("Highest price in dollars", "number"), category=one_of("books", "electronics", "clothing", "toys")),
        tool("get_order_status", "Get the status of an order", "order_id", order_id=text("Id of the order")),
        tool("cancel_order", "Cancel an order", "order_id", order_id=text("Id of the order"), reason=text("Why")),
        tool("add_to_cart", "Put a product into the cart", "product_id quantity", product_id=text("Id of the product"), quantity=number("How many")),
    ],
    "code": [
        tool("read_file", "Read a file", "path", path=text("Path of the file")),
        tool("write_file", "Write text to a file", "path content", path=text("Path of the file"), content=text("What to write")),
        tool("list_directory", "List what a directory holds", "path", path=text("Path of the directory")),
        tool("run_command", "Run a shell command", "command", command=text("The command line"), timeout_s=number("Seconds it may take")),
    ],
    "home": [
        tool("set_light", "Switch the light of a room and set its brightness", "room on", room=ROOMS, on={"type": "boolean"},
             brightness=number("0 to 100")),
        tool("set_thermostat", "Set the temperature of a room", "room temperature", room=ROOMS, temperature=number("Degrees Celsius", "number")),
        tool("play_music", "Play music", "query", query=text("Artist, song or kind of music"), shuffle={"type": "boolean"}),
    ],
    "desk": [
        tool("calculate", "Compute an arithmetic expression", "expression", expression=text("For example 2*(3+4)")),
        tool("convert_currency", "Convert an amount of money between currencies", "amount from_currency to_currency",
             amount=number("How much", "number"), from_currency=text("Three letters, as USD"), to_currency=text("Three letters, as EUR")),
        tool("translate_text", "Translate a text", "text target_language", text=text("The text"), target_language=text("Language, as French")),
    ],
    "order": [
        tool("place_order", "Order food from a restaurant", "restaurant items address", restaurant=text("Its name"),
             items={"type": "array", "items": {"type": "object", "properties": {"dish": text("Name of the dish"), "count": number("How many")},
                                               "required": ["dish", "count"]}},
             address={"type": "object", "properties": {"street": text("Street and number"), "city": text("City")}, "required": ["street", "city"]}),
    ],
}
