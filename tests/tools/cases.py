"""What is asked, and what a right answer calls: each case by its class, its set of tools, what the user says.

An argument is right where it equals the wanted value, whatever its letters' case; a tuple holds several right values, has("x") is any
text that holds x. Arguments that are not named here may be anything that the schema allows.
"""
import dataclasses
import json


@dataclasses.dataclass
class Case:
    kind: str
    tools: str
    messages: list
    calls: list = dataclasses.field(default_factory=list)  # of (name, {argument: wanted})
    says: tuple = ()  # one of these is in the text, where nothing is called


class has(str):
    """Any text that holds this one."""


def asks(kind, tools, text, *calls, says=()):
    return Case(kind, tools, [{"role": "user", "content": text}], list(calls), says)


def after(kind, tools, text, name, arguments, result, then, *calls, says=()):
    """A conversation in which a function was called and has answered; `then` is what the user says next, if anything."""
    call = {"id": "call_1", "type": "function", "function": {"name": name, "arguments": json.dumps(arguments)}}
    messages = [{"role": "user", "content": text}, {"role": "assistant", "content": "", "tool_calls": [call]},
                {"role": "tool", "tool_call_id": "call_1", "content": json.dumps(result)}]
    return Case(kind, tools, messages + ([{"role": "user", "content": then}] if then else []), list(calls), says)


def one():
    """One function is offered, and it fits."""
    def weather(text, /, **wanted):
        return asks("one", "weather", text, ("get_weather", wanted))
    return [
        weather("What is the weather in Paris?", city=has("Paris")),
        weather("Will it rain in Tokyo tomorrow?", city=has("Tokyo")),
        weather("Weather in New York in fahrenheit please", city=has("New York"), unit="fahrenheit"),
        weather("Give me a 5 day forecast for Berlin.", city=has("Berlin"), days=5),
        weather("How warm is it in Cairo, in celsius?", city=has("Cairo"), unit="celsius"),
        weather("I travel to São Paulo for three days. What weather should I expect?", city=has("Paulo"), days=3),
        weather("Do I need a coat in Oslo today?", city=has("Oslo")),
        weather("forecast Madrid 7 days celsius", city=has("Madrid"), days=7, unit="celsius"),
        weather("北京今天天气怎么样？", city=(has("北京"), has("Beijing"))),
        weather("上海未来三天的天气预报", city=(has("上海"), has("Shanghai")), days=3),
    ]


def pick():
    """Several are offered, one fits."""
    def pick_of(tools, text, name, /, **wanted):
        return asks("pick", tools, text, (name, wanted))
    return [
        pick_of("office", "Remind me in 20 minutes to take the cake out of the oven.", "set_reminder", minutes=20, text=has("cake")),
        pick_of("office", "What is Maria Lopez's phone number?", "search_contacts", name=has("Maria")),
        pick_of("office", "Email bob@example.com with the subject Lunch and ask him whether noon is fine.", "send_email", to="bob@example.com",
                subject=has("Lunch")),
        pick_of("office", "Put a meeting called Budget on 2025-03-14 at 15:00 into my calendar.", "create_event", title=has("Budget"),
                date="2025-03-14", start_time="15:00"),
        pick_of("shop", "Where is my order A-1047?", "get_order_status", order_id="A-1047"),
        pick_of("shop", "Please cancel order 99812, I bought the wrong size.", "cancel_order", order_id="99812"),
        pick_of("shop", "Find me headphones under 50 dollars.", "search_products", query=has("headphones"), max_price=50),
        pick_of("shop", "Put two of product P-88 into my cart.", "add_to_cart", product_id="P-88", quantity=2),
        pick_of("code", "Show me the content of src/main.py", "read_file", path=has("src/main.py")),
        pick_of("code", "What files are in the folder /tmp/logs?", "list_directory", path=has("/tmp/logs")),
        pick_of("code", "Run the tests with `pytest -q`.", "run_command", command=has("pytest")),
        pick_of("code", "Create a file hello.txt that contains: Hello World", "write_file", path=has("hello.txt"), content=has("Hello World")),
        pick_of("home", "Play some jazz.", "play_music", query=has("jazz")),
        pick_of("home", "Set the bedroom to 19 degrees.", "set_thermostat", room="bedroom", temperature=19),
        pick_of("desk", "How much is 250 US dollars in euros?", "convert_currency", amount=250, from_currency="USD", to_currency="EUR"),
        pick_of("desk", "Translate 'good morning' into Spanish.", "translate_text", text=has("good morning"), target_language=has("Spanish")),
        pick_of("desk", "What is 123456 * 789?", "calculate", expression=has("123456")),
        pick_of("home", "把厨房的灯关掉", "set_light", room="kitchen", on=False),
    ]


def typed():
    """Arguments that are no plain texts: booleans, enumerations, lists, objects."""
    def typed_of(tools, text, name, /, **wanted):
        return asks("typed", tools, text, (name, wanted))
    burger = {"dish": has("burger"), "count": 2}
    return [
        typed_of("home", "Turn on the kitchen light.", "set_light", room="kitchen", on=True),
        typed_of("home", "Turn off the light in the living room.", "set_light", room="living_room", on=False),
        typed_of("home", "Dim the office light to 30 percent.", "set_light", room="office", on=True, brightness=30),
        typed_of("home", "Make it 21.5 degrees in the living room.", "set_thermostat", room="living_room", temperature=21.5),
        typed_of("home", "Play the album Kind of Blue, shuffled.", "play_music", query=has("Kind of Blue"), shuffle=True),
        typed_of("shop", "Search the toys category for a wooden train.", "search_products", query=has("train"), category="toys"),
        typed_of("shop", "Look for science fiction books below 12.50 dollars in the category books.", "search_products",
                 query=has("science fiction"), max_price=12.5, category="books"),
        typed_of("office", "Create an event Review on 2025-06-02 at 09:30 for 45 minutes.", "create_event", title=has("Review"),
                 date="2025-06-02", start_time="09:30", duration_minutes=45),
        typed_of("office", "Schedule Planning on 2025-01-20 at 10:00 with Ann and Bob.", "create_event", title=has("Planning"),
                 date="2025-01-20", start_time="10:00", attendees=["Ann", "Bob"]),
        typed_of("code", "Run `make all` and give it at most 60 seconds.", "run_command", command=has("make all"), timeout_s=60),
        typed_of("order", "Order 2 burgers from Joe's Diner to 5 Main Street in Springfield.", "place_order", restaurant=has("Joe"),
                 items=[burger], address={"street": has("5 Main"), "city": has("Springfield")}),
        typed_of("order", "From Luigi I want one margherita and three tiramisu, delivered to 12 Rose Road, Leeds.", "place_order",
                 restaurant=has("Luigi"), items=[{"dish": has("margherita"), "count": 1}, {"dish": has("tiramisu"), "count": 3}],
                 address={"street": has("12 Rose"), "city": has("Leeds")}),
    ]


def parallel():
    """Several calls in one answer."""
    return [
        asks("parallel", "weather", "Compare the weather in Paris and in London.", ("get_weather", {"city": has("Paris")}),
             ("get_weather", {"city": has("London")})),
        asks("parallel", "weather", "Get the weather for Rome, Milan and Naples.", ("get_weather", {"city": has("Rome")}),
             ("get_weather", {"city": has("Milan")}), ("get_weather", {"city": has("Naples")})),
        asks("parallel", "home", "Turn on the kitchen light and the bedroom light.", ("set_light", {"room": "kitchen", "on": True}),
             ("set_light", {"room": "bedroom", "on": True})),
        asks("parallel", "home", "Set the office to 20 degrees and play some Mozart.", ("set_thermostat", {"room": "office", "temperature": 20}),
             ("play_music", {"query": has("Mozart")})),
        asks("parallel", "code", "Read both a.txt and b.txt.", ("read_file", {"path": has("a.txt")}), ("read_file", {"path": has("b.txt")})),
        asks("parallel", "shop", "What is the status of the orders 101 and 102?", ("get_order_status", {"order_id": "101"}),
             ("get_order_status", {"order_id": "102"})),
        asks("parallel", "desk", "Convert 10 USD to EUR and 20 USD to GBP.",
             ("convert_currency", {"amount": 10, "from_currency": "USD", "to_currency": "EUR"}),
             ("convert_currency", {"amount": 20, "from_currency": "USD", "to_currency": "GBP"})),
        asks("parallel", "office", "Remind me in 10 minutes to call Ann and in 30 minutes to call Bob.",
             ("set_reminder", {"minutes": 10, "text": has("Ann")}), ("set_reminder", {"minutes": 30, "text": has("Bob")})),
    ]


def none():
    """No function is needed."""
    def said(tools, text, *says):
        return asks("none", tools, text, says=says)
    return [
        said("weather", "Hello! How are you?"),
        said("weather", "What is the capital of France?", "Paris"),
        said("office", "Thanks, that was all."),
        said("shop", "Write a haiku about autumn."),
        said("code", "What does the keyword `const` mean in C++? One sentence.", "const"),
        said("home", "Tell me a short joke."),
        said("desk", "Who wrote Romeo and Juliet?", "Shakespeare"),
        said("weather", "Explain in one sentence what a noun is.", "noun"),
        said("code", "Give me an example of a JSON object that describes a person, with the keys name and age.", "name"),
        said("order", "你好，你是谁？"),
    ]


def answer():
    """A function has answered: what it said is told, nothing more is called."""
    paris = {"city": "Paris"}
    return [
        after("answer", "weather", "What is the weather in Paris?", "get_weather", paris, {"temperature": 17, "sky": "cloudy"}, None, says=("17",)),
        after("answer", "weather", "Will it rain in Oslo?", "get_weather", {"city": "Oslo"}, {"rain": "yes", "amount_mm": 12}, None,
              says=("rain", "Rain")),
        after("answer", "shop", "Where is my order A-1047?", "get_order_status", {"order_id": "A-1047"},
              {"status": "shipped", "arrives": "Friday"}, None, says=("Friday",)),
        after("answer", "desk", "How much is 250 USD in EUR?", "convert_currency",
              {"amount": 250, "from_currency": "USD", "to_currency": "EUR"}, {"amount": 231.4}, None, says=("231.4",)),
        after("answer", "desk", "What is 12*34?", "calculate", {"expression": "12*34"}, {"result": 408}, None, says=("408",)),
        after("answer", "office", "What is Maria's phone number?", "search_contacts", {"name": "Maria"}, {"phone": "555-0133"}, None,
              says=("555-0133",)),
        after("answer", "code", "Which files are in src?", "list_directory", {"path": "src"}, ["main.cc", "util.h"], None, says=("util.h",)),
        after("answer", "home", "Turn on the kitchen light.", "set_light", {"room": "kitchen", "on": True}, {"ok": True}, None, says=("",)),
    ]


def onward():
    """A function has answered, and the next one must be called."""
    return [
        after("onward", "weather", "What is the weather in Paris?", "get_weather", {"city": "Paris"}, {"temperature": 17}, "And in Rome?",
              ("get_weather", {"city": has("Rome")})),
        after("onward", "shop", "Find me a wooden train.", "search_products", {"query": "wooden train"}, [{"product_id": "T-5", "price": 20}],
              "Good. Put one T-5 into my cart.", ("add_to_cart", {"product_id": "T-5", "quantity": 1})),
        after("onward", "code", "Which files are in src?", "list_directory", {"path": "src"}, ["main.cc", "util.h"],
              "Show me the content of util.h.", ("read_file", {"path": has("util.h")})),
        after("onward", "office", "What is Bob's address?", "search_contacts", {"name": "Bob"}, {"email": "bob@example.com"},
              "Send him an email with the subject Hi and the text See you tomorrow.", ("send_email", {"to": "bob@example.com", "subject": has("Hi")})),
        after("onward", "home", "Turn on the kitchen light.", "set_light", {"room": "kitchen", "on": True}, {"ok": True},
              "Now turn it off again.", ("set_light", {"room": "kitchen", "on": False})),
        after("onward", "desk", "How much is 10 USD in EUR?", "convert_currency",
              {"amount": 10, "from_currency": "USD", "to_currency": "EUR"}, {"amount": 9.2}, "And 30 USD in GBP?",
              ("convert_currency", {"amount": 30, "from_currency": "USD", "to_currency": "GBP"})),
    ]


def all_cases():
    return [case for part in (one, pick, typed, parallel, none, answer, onward) for case in part()]
